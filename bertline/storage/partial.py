"""What has come of a download so far, in the user's cache folder, where it outlives a kill."""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

from bertline.artifacts import write_text
from bertline.errors import StorageError
from bertline.files import naming


class Partial:
    """The first bytes of the file at an address, and the validator of the version they are of.

    validator: an ETag or a date in HTTP's form; None where nothing came or none was given.
    """

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self._stream, self._path = stream, path
        self._validator_path = path.with_suffix(".validator")
        known = self._validator_path.is_file()
        self.validator = self._validator_path.read_text("utf-8") or None if known else None

    @classmethod
    @contextlib.contextmanager
    def of(cls, url: str) -> Iterator[Self]:
        """The partial file of `url`; raises StorageError while another process writes it."""
        path = downloads_folder() / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.part"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stream = path.open("ab")
        except OSError as error:
            raise StorageError(
                f"{path.parent}: cannot be written ({error.strerror}); set XDG_CACHE_HOME to a "
                "folder that can"
            ) from None
        with stream:
            if not _lock(stream) or not path.exists():
                raise StorageError(
                    f"{url}: another process is fetching it; try again when that has ended"
                )
            partial = cls(stream, path)
            try:
                yield partial
            finally:
                partial._remove_if_empty()

    @property
    def size_bytes(self) -> int:
        """How many bytes have come."""
        return self._stream.tell()

    def append(self, block: bytes) -> None:
        """Adds the next bytes; they outlive a kill of the process from then on."""
        with naming(self._path):
            self._stream.write(block)
            self._stream.flush()

    def restart(self, validator: str | None) -> None:
        """Drops what has come, for the version with this validator."""
        self._stream.truncate(0)
        self._stream.seek(0)
        self.validator = validator
        write_text(self._validator_path, validator or "")

    def drop_last_byte(self) -> None:
        """Leaves one byte to ask for: servers refuse to send nothing of a file that came whole."""
        self._stream.truncate(max(self.size_bytes - 1, 0))
        self._stream.seek(0, os.SEEK_END)

    def finish(self, target: Path) -> None:
        """Moves the whole file to `target`; nothing of it stays in the cache."""
        shutil.move(self._path, target)

    def _remove_if_empty(self) -> None:
        if not self._path.exists() or not self._path.stat().st_size:
            self._path.unlink(missing_ok=True)
            self._validator_path.unlink(missing_ok=True)


def _lock(stream: BinaryIO) -> bool:
    """Whether the file is now this process's alone; its end gives it free."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def cache_folder() -> Path:
    """The folder bertline in $XDG_CACHE_HOME, or else in ~/.cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "bertline"


def downloads_folder() -> Path:
    """Where files lie that came in part."""
    return cache_folder() / "downloads"
