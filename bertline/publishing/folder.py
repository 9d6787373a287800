"""The versions of a model in a folder on this disk."""

import contextlib
import errno
import shutil
import uuid
from collections.abc import Iterator, Set
from pathlib import Path

from bertline.artifacts import MANIFEST, fsync, read_manifest, write_text
from bertline.errors import StorageError
from bertline.publishing.shelf import KIND, LATEST, WITHDRAWN, Latest, Withdrawn


class FolderShelf:
    """A Shelf in a folder: a version is built under a hidden name and moved in by a rename."""

    def __init__(self, model: Path) -> None:
        self._model = model

    def versions(self) -> list[int]:
        """The numbers of the versions, ascending."""
        if not self._model.is_dir():
            return []
        return sorted(int(entry.name) for entry in self._model.iterdir() if entry.name.isdecimal())

    def source(self, version: int) -> object:
        """What the manifest says the version was made from; None if there is no manifest."""
        folder = self._model / str(version)
        if not (folder / MANIFEST).is_file():
            return None
        return read_manifest(folder, KIND).about.get("source")

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """A hidden path beside the versions."""
        folder = self._model / f".{uuid.uuid4().hex[:8]}.staging"
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def put(self, folder: Path) -> int:
        """Renames the artifact to the next free number."""
        while True:
            version = max(self.versions(), default=0) + 1
            try:
                folder.rename(self._model / str(version))
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise StorageError(
                        f"{self._model}: cannot be written ({error.strerror})"
                    ) from error
            else:
                fsync(self._model)
                return version

    def latest(self) -> Latest:
        """What `latest` says."""
        file = self._model / LATEST
        return Latest.parse(file.read_bytes(), str(file)) if file.is_file() else Latest()

    def move_latest(self, number: int, seen: Latest) -> None:
        """Replaces `latest` in one step, whatever it says by now."""
        write_text(self._model / LATEST, f"{number}\n")

    def withdrawn(self) -> Withdrawn:
        """What `withdrawn` says."""
        file = self._model / WITHDRAWN
        return Withdrawn.parse(file.read_bytes(), str(file)) if file.is_file() else Withdrawn()

    def withdraw(self, numbers: Set[int], seen: Withdrawn) -> bool:
        """Replaces `withdrawn` in one step, whatever it says by now; True."""
        write_text(self._model / WITHDRAWN, Withdrawn.content(numbers))
        return True
