"""The versions of a model in a bucket.

<model>/1/, 2/, …       versions; one is whole once it has its manifest, which is uploaded last
<model>/latest          the number of the version to use
<model>/withdrawn       the numbers of versions that were rolled back, one a line
<model>/.claims/1, 2, … whose a number is: the digest of the manifest to come

An object store moves no folders, so a number is claimed before the files of its version come. All
objects but `latest` and `withdrawn` are written on condition that there is none, and so never
change; these two are replaced on condition that they are what was read before. What a killed
publisher left is completed by the next one with the same files; otherwise the number stays unused.
"""

import contextlib
import io
import re
from collections.abc import Iterable, Iterator, Set
from pathlib import Path

from bertline.artifacts import MANIFEST, Manifest, digest, files_of, parse_manifest
from bertline.errors import DataError, StorageError
from bertline.leftovers import temporary_folder
from bertline.progress import Progress
from bertline.publishing.shelf import KIND, WITHDRAWN, Latest, Withdrawn
from bertline.storage.bucket import Bucket
from bertline.versions import LATEST


class BucketShelf:
    """A Shelf at the address gs://<bucket>/<key>."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        self._bucket, self._key = bucket, key

    def versions(self) -> list[int]:
        """The numbers of the versions that have their manifest, ascending."""
        return _numbers(rf"(\d+)/{MANIFEST}", self._names())

    def source(self, version: int) -> object:
        """What the manifest says the version was made from; None if there is no manifest."""
        manifest = self._manifest(version)
        return None if manifest is None else manifest.about.get("source")

    def verify(self, version: int) -> None:
        """Looks for all files of the version; raises DataError that names what is missing."""
        manifest, names = self._manifest(version), set(self._names())
        for name in () if manifest is None else manifest.files:
            if f"{version}/{name}" not in names:
                raise DataError(
                    f"{self._address(f'{version}/{name}')}: missing; bring back a whole copy of "
                    f"version {version}, or remove it"
                )

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Does nothing: what changes is replaced on condition of what was read."""
        yield

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """A path in the folder for temporary files."""
        with temporary_folder() as folder:
            yield folder / "version"

    def put(self, folder: Path) -> int:
        """Claims the next free number and uploads the artifact below it, its manifest last."""
        version = self._claim(digest(folder))
        files = sorted(files_of(folder), key=lambda file: _turn(file.relative_to(folder)))
        size_bytes = sum(file.stat().st_size for file in files)
        with Progress("upload", size_bytes, "bytes") as progress:
            for file in files:
                name = f"{self._key}/{version}/{file.relative_to(folder).as_posix()}"
                with _Shown(file, progress) as stream:
                    if not self._bucket.add(name, stream):
                        raise StorageError(
                            f"{self._bucket.address}/{name}: there is another file; remove it and "
                            "publish again"
                        )
        return version

    def latest(self) -> Latest:
        """What `latest` says, and of which generation."""
        found = self._bucket.read(f"{self._key}/{LATEST}")
        return Latest.parse(found[0], self._address(LATEST), found[1]) if found else Latest()

    def move_latest(self, number: int, seen: Latest) -> None:
        """Replaces the generation of `latest` that was seen; if there is another, nothing."""
        self._bucket.replace(f"{self._key}/{LATEST}", f"{number}\n".encode(), seen.generation)

    def withdrawn(self) -> Withdrawn:
        """What `withdrawn` says, and of which generation."""
        found = self._bucket.read(f"{self._key}/{WITHDRAWN}")
        if found is None:
            return Withdrawn()
        return Withdrawn.parse(found[0], self._address(WITHDRAWN), found[1])

    def withdraw(self, numbers: Set[int], seen: Withdrawn) -> bool:
        """Replaces the generation of `withdrawn` that was seen; False if there is another."""
        content = Withdrawn.content(numbers).encode()
        return self._bucket.replace(f"{self._key}/{WITHDRAWN}", content, seen.generation)

    def _claim(self, manifest: str) -> int:
        """The number that is now claimed for the version with this manifest.

        One that was claimed for it before is taken again, unless there is a higher version.
        """
        names = self._names()
        highest = max(_numbers(rf"(\d+)/{MANIFEST}", names), default=0)
        for number in _numbers(r"\.claims/(\d+)", names):
            claim = self._bucket.read(self._claim_of(number)) if number > highest else None
            if claim and claim[0].decode() == manifest:
                return number
        number = max(_numbers(r"(?:\.claims/)?(\d+)(?:/.*)?", names), default=0) + 1
        while not self._bucket.add(self._claim_of(number), io.BytesIO(manifest.encode())):
            number += 1
        return number

    def _manifest(self, version: int) -> Manifest | None:
        found = self._bucket.read(f"{self._key}/{version}/{MANIFEST}")
        return parse_manifest(found[0], self._address(str(version)), KIND) if found else None

    def _claim_of(self, number: int) -> str:
        return f"{self._key}/.claims/{number}"

    def _address(self, name: str) -> str:
        return f"{self._bucket.address}/{self._key}/{name}"

    def _names(self) -> list[str]:
        """The names of all objects below the key, from there on."""
        prefix = f"{self._key}/"
        return [blob.name.removeprefix(prefix) for blob in self._bucket.listed(prefix)]


def _numbers(pattern: str, names: Iterable[str]) -> list[int]:
    """The numbers in the names that match, ascending; the pattern has one group."""
    matches = (re.fullmatch(pattern, name) for name in names)
    return sorted({int(match[1]) for match in matches if match})


def _turn(file: Path) -> tuple[bool, int, str]:
    """Sorts files by when they are uploaded.

    The manifest comes last. Before it come the files at the top, which model servers look for:
    what those need lies deeper, or comes before by its name (model.bin, model.xml).
    """
    return file == Path(MANIFEST), -len(file.parts), file.name


class _Shown(io.FileIO):
    """A file to read whose reading is shown as progress, what is read twice only once."""

    def __init__(self, file: Path, progress: Progress) -> None:
        super().__init__(file)
        self._progress, self._seen = progress, 0

    def read(self, size: int | None = -1) -> bytes:
        block = super().read(-1 if size is None else size) or b""
        self._progress.update(max(self.tell() - self._seen, 0))
        self._seen = max(self.tell(), self._seen)
        return block
