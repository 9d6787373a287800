"""The versions of a model in a folder on this disk.

Besides the versions, `latest` and `withdrawn` it has a hidden file, `.lock`: whoever changes what
these two say holds it locked.
"""

import contextlib
import errno
from collections.abc import Iterator, Set
from pathlib import Path

from bertline.artifacts import MANIFEST, read_manifest, write_text
from bertline.errors import DataError, StorageError, UserError
from bertline.integrity import verify
from bertline.leftovers import held_folder, sweep
from bertline.locks import exclusive
from bertline.publishing.shelf import KIND, WITHDRAWN, Latest, Withdrawn
from bertline.replacement import fsync
from bertline.versions import LATEST

LOCK = ".lock"
LOCK_SECONDS = 60.0


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
        with _told(version):
            return read_manifest(folder, KIND).about.get("source")

    def verify(self, version: int) -> None:
        """Reads all files of the version; raises DataError that names what is damaged."""
        with _told(version):
            verify(self._model / str(version), KIND)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Holds the file `.lock`; raises StorageError where another process has it for long."""
        self._model.mkdir(parents=True, exist_ok=True)
        with exclusive(self._model / LOCK, LOCK_SECONDS) as is_held:
            if not is_held:
                raise StorageError(
                    f"{self._model}: another process has been changing it for {LOCK_SECONDS:.0f} s;"
                    " try again when that has ended"
                )
            yield

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """A path in a hidden folder beside the versions; removes those of killed processes."""
        self._model.mkdir(parents=True, exist_ok=True)
        sweep(self._model)
        with held_folder(self._model, "staging") as folder:
            yield folder / "version"

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
        """Replaces `latest` in one step, if it still says what was seen."""
        if self.latest() == seen:
            write_text(self._model / LATEST, f"{number}\n")

    def withdrawn(self) -> Withdrawn:
        """What `withdrawn` says."""
        file = self._model / WITHDRAWN
        return Withdrawn.parse(file.read_bytes(), str(file)) if file.is_file() else Withdrawn()

    def withdraw(self, numbers: Set[int], seen: Withdrawn) -> bool:
        """Replaces `withdrawn` in one step, if it still says what was seen."""
        if self.withdrawn() != seen:
            return False
        write_text(self._model / WITHDRAWN, Withdrawn.content(numbers))
        return True


@contextlib.contextmanager
def _told(version: int) -> Iterator[None]:
    """Raises DataError for a damaged version, with what can be done about it."""
    try:
        yield
    except UserError as error:
        problem = str(error).partition(";")[0]
        raise DataError(
            f"{problem}; bring back a whole copy of version {version}, or remove its folder"
        ) from None
