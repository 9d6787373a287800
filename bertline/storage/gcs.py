"""Files at gs:// addresses."""

from pathlib import Path, PurePosixPath
from typing import Any

from bertline.errors import StorageError
from bertline.progress import Progress
from bertline.storage.bucket import Bucket, crc32c, opened, patience
from bertline.storage.limits import Deadline, Limits
from bertline.storage.partial import Partial


def download(url: str, folder: Path, sha256: str | None = None) -> Path:
    """The object at `url`, or a folder of all objects below it, in `folder`.

    What came of an object before the connection broke is kept, also for a later call or process.
    Each object's CRC-32C is compared with the one that the bucket keeps, whether or not the caller
    has a sha256. Raises StorageError, also beyond the `Limits`.
    """
    target, deadline = folder / PurePosixPath(url).name, Deadline(url)
    with opened(url) as (bucket, key):
        objects = _objects(url, bucket, key)
        size_bytes = sum(blob.size for blob in objects.values())
        Limits.current().check_size(url, size_bytes)
        with Progress(f"fetch {target.name}", size_bytes, "bytes") as progress:
            for name, blob in objects.items():
                _download_object(blob, target / name, progress, deadline)
    return target


def fingerprint(url: str) -> str:
    """The names, sizes and checksums of the objects at `url`, one a line."""
    with opened(url) as (bucket, key):
        objects = _objects(url, bucket, key)
    return "".join(f"{name} {blob.size} {blob.crc32c}\n" for name, blob in objects.items())


def beginning(url: str) -> list[str]:
    """The addresses of the objects whose own begin with `url`, in the folder that it ends in."""
    with opened(url) as (bucket, key):
        names = [blob.name for blob in bucket.listed(key)]
    base = url.removesuffix(key)
    return [base + name for name in names if "/" not in name.removeprefix(key)]


def _objects(url: str, bucket: Bucket, key: str) -> dict[str, Any]:
    """The objects at `url` by their name below it: "" for the one that has that very name."""
    blobs = {
        blob.name.removeprefix(key).removeprefix("/"): blob
        for blob in bucket.listed(key)
        if blob.name == key or blob.name.startswith(f"{key}/".lstrip("/"))
    }
    objects = {name: blob for name, blob in blobs.items() if not name.endswith("/")}
    if not objects:
        raise StorageError(f"{url}: no such object and none below it; check the address")
    for name in objects:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise StorageError(f"{url}: object {name!r} leads out of the folder; rename it")
    return {"": objects[""]} if "" in objects else objects


def _download_object(blob: Any, file: Path, progress: Progress, deadline: Deadline) -> None:
    address = f"gs://{blob.bucket.name}/{blob.name}"
    with Partial.of(address) as partial:
        _complete(blob, partial, progress, deadline)
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.finish(file)
    with file.open("rb") as stream:
        if crc32c(stream) != blob.crc32c:
            raise StorageError(f"{address}: came damaged (CRC-32C differs); try again")


def _complete(blob: Any, partial: Partial, progress: Progress, deadline: Deadline) -> None:
    """Adds to `partial` what is missing of the object, as long as each attempt brings some of it.

    A broken connection is taken up by the client itself, but only for a while since it began.
    """
    from google.api_core.exceptions import RetryError

    generation = str(blob.generation)
    if partial.validator != generation:
        partial.restart(generation)
    progress.update(partial.size_bytes)
    while partial.size_bytes < blob.size:
        deadline.check()
        before = partial.size_bytes
        try:
            # As stored: the checksum is of the stored bytes, also where they are compressed.
            blob.download_to_file(
                _Sink(partial, progress, deadline),
                start=before or None,
                raw_download=True,
                checksum=None,
                **patience(),
            )
        except RetryError:
            if partial.size_bytes == before:
                raise


class _Sink:
    """What the client writes to: a partial file whose growth is shown, until the deadline."""

    def __init__(self, partial: Partial, progress: Progress, deadline: Deadline) -> None:
        self._partial, self._progress, self._deadline = partial, progress, deadline

    def write(self, block: bytes) -> int:
        self._deadline.check()
        self._partial.append(block)
        self._progress.update(len(block))
        return len(block)
