"""Objects at gs:// addresses; where $STORAGE_EMULATOR_HOST is set, those of that emulator."""

import base64
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from bertline.errors import StorageError
from bertline.progress import Progress

RETRY_SECONDS = 30.0
BLOCK_BYTES = 1 << 20


def download(url: str, folder: Path) -> Path:
    """The object at `url`, or a folder of all objects below it, in `folder`.

    Each object's CRC-32C is compared with the one that the bucket keeps. Raises StorageError.
    """
    target = folder / PurePosixPath(url).name
    with _objects(url) as objects:
        size_bytes = sum(blob.size for blob in objects.values())
        with Progress(f"fetch {target.name}", size_bytes, "bytes") as progress:
            for name, blob in objects.items():
                _download_object(blob, target / name)
                progress.update(blob.size)
    return target


def fingerprint(url: str) -> str:
    """The names, sizes and checksums of the objects at `url`, one a line."""
    with _objects(url) as objects:
        return "".join(f"{name} {blob.size} {blob.crc32c}\n" for name, blob in objects.items())


@contextlib.contextmanager
def _objects(url: str) -> Iterator[dict[str, Any]]:
    """The objects at `url` by their name below it: "" for the one that has that very name.

    What the client raises in the block is told as a StorageError.
    """
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    bucket, key = urlsplit(url).netloc, urlsplit(url).path.strip("/")
    try:
        with contextlib.closing(_client()) as client:
            blobs = {
                blob.name.removeprefix(key).removeprefix("/"): blob
                for blob in client.list_blobs(bucket, prefix=key, retry=_retry())
                if blob.name == key or blob.name.startswith(f"{key}/".lstrip("/"))
            }
            objects = {name: blob for name, blob in blobs.items() if not name.endswith("/")}
            if not objects:
                raise StorageError(f"{url}: no such object and none below it; check the address")
            for name in objects:
                if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                    raise StorageError(f"{url}: object {name!r} leads out of the folder; rename it")
            yield {"": objects[""]} if "" in objects else objects
    except GoogleAuthError as error:
        raise StorageError(
            f"{url}: no credentials ({error}); run `gcloud auth application-default login`"
        ) from None
    except GoogleAPIError as error:
        raise StorageError(f"{url}: {error}; check the address and who may read it") from None


def _download_object(blob: Any, file: Path) -> None:
    import google_crc32c

    file.parent.mkdir(parents=True, exist_ok=True)
    # As stored: the checksum is of the stored bytes, also where they are compressed.
    blob.download_to_filename(file, raw_download=True, checksum=None, retry=_retry())
    checksum = 0
    with file.open("rb") as stream:
        for block in iter(lambda: stream.read(BLOCK_BYTES), b""):
            checksum = google_crc32c.extend(checksum, block)
    if base64.b64encode(checksum.to_bytes(4, "big")).decode() != blob.crc32c:
        raise StorageError(
            f"gs://{blob.bucket.name}/{blob.name}: came damaged (CRC-32C differs); try again"
        )


def _client() -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    if "STORAGE_EMULATOR_HOST" in os.environ:
        return storage.Client(project="emulated", credentials=AnonymousCredentials())
    return storage.Client()


def _retry() -> Any:
    from google.cloud.storage.retry import DEFAULT_RETRY

    return DEFAULT_RETRY.with_timeout(RETRY_SECONDS)
