"""Zip and tar archives, unpacked with no trust in them."""

import bz2
import contextlib
import errno
import gzip
import lzma
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self

from bertline.artifacts import new_folder
from bertline.errors import StorageError, one_line
from bertline.files import FULL, naming
from bertline.storage.limits import Limits, exceeded

DAMAGE = (
    EOFError,
    NotImplementedError,  # a compression that Python's zipfile has not
    UnicodeError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)
UNIX, ZIP_ENCRYPTED = 3, 0x1
BLOCK_BYTES = 1 << 20
LONGEST_NAME_BYTES = 1 << 20
NAME_TYPES = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
"""Headers of a tar whose contents are read into memory."""

ZIP = b"PK"
TAR_STREAMS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
"""How gzip, bzip2 and xz files begin → what reads them."""

Member = tuple[str, IO[bytes]]


def is_archive(file: Path) -> bool:
    """Whether `file` is meant to be a zip, tar or compressed tar archive, even if damaged."""
    with file.open("rb") as stream:
        return stream.read(5).startswith((ZIP, *TAR_STREAMS)) or tarfile.is_tarfile(file)


def unpack(archive: Path, folder: Path) -> Path:
    """`folder`, holding the files of a zip, tar or compressed tar archive: all of them or none.

    They are not flushed to the disk: what is unpacked can be unpacked again. Raises StorageError
    for what is no archive, for a truncated or damaged one, for one that holds more than the
    `Limits`, and for a member whose name leads out of the folder or that is a link or a device.
    """
    try:
        with (
            new_folder(folder, durable=False) as new,
            contextlib.closing(_members(archive)) as members,
        ):
            for name, stream in members:
                with stream, naming(folder), _opened(archive, name, new) as file:
                    shutil.copyfileobj(stream, file, BLOCK_BYTES)
    except DAMAGE as error:
        raise _damaged(archive, error) from None
    except OSError as error:
        if error.errno in (None, errno.EINVAL):  # so bz2 and zipfile report damage
            raise _damaged(archive, error) from None
        raise
    return folder


class _Budget:
    """How much may still come out of an archive."""

    def __init__(self, archive: Path) -> None:
        self._archive, self._limits = archive, Limits.current()
        self._entries = 0
        self.left_bytes = self._limits.unpacked_bytes(archive.stat().st_size)

    def take(self, size_bytes: int) -> None:
        """Counts one entry that will be so large; raises StorageError where that is too much."""
        self._entries += 1
        if self._entries > self._limits.source_entries:
            count = f"{self._limits.source_entries:,}"
            limits = f'{{"source_entries": {10 * self._limits.source_entries}}}'
            raise exceeded(self._archive, f"holds more than {count} files and folders", limits)
        if size_bytes > self.left_bytes:
            raise self.exceeded()
        self.left_bytes -= size_bytes

    def exceeded(self) -> StorageError:
        """The error of an archive that holds too much."""
        limits = self._limits
        return exceeded(
            self._archive,
            f"holds more than {limits.source_gb:g} GB, or than {limits.unpacked_ratio:g} times its "
            "own size",
            '{"source_gb": …, "unpacked_ratio": …}',
        )


class _Limited:
    """A stream for tarfile that ends a budget's archive where more is read than may come."""

    def __init__(self, stream: IO[bytes], budget: _Budget) -> None:
        self._stream, self._budget = stream, budget
        self._left_bytes = budget.left_bytes

    def read(self, size: int) -> bytes:
        """The next bytes, `size` at most."""
        block = self._stream.read(size)
        self._left_bytes -= len(block)
        if self._left_bytes < 0:
            raise self._budget.exceeded()
        return block


class _Header(tarfile.TarInfo):
    """A header that is taken for no end mark when it is damaged, and for no name of a gigabyte."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if buf and not any(buf):
                raise  # the end mark
            raise tarfile.ReadError(str(error)) from None

    def _proc_member(self, tar: tarfile.TarFile) -> Any:
        if self.type in NAME_TYPES and self.size > LONGEST_NAME_BYTES:
            raise tarfile.ReadError(f"a name of {self.size:,} bytes")
        return super()._proc_member(tar)  # type: ignore[misc]


def _members(archive: Path) -> Generator[Member, None, None]:
    """The name and the opened contents of each file in the archive."""
    with archive.open("rb") as file:
        start = file.read(5)
    if start.startswith(ZIP):
        return _zip_members(archive)
    openers = (opener for magic, opener in TAR_STREAMS.items() if start.startswith(magic))
    return _tar_members(archive, next(openers, open))


def _zip_members(archive: Path) -> Generator[Member, None, None]:
    with zipfile.ZipFile(archive) as file:
        members, budget = file.infolist(), _Budget(archive)
        for member in members:
            budget.take(member.file_size)
        for member in members:
            if member.flag_bits & ZIP_ENCRYPTED:
                raise _refused(archive, member.filename, "is encrypted")
            kind = stat.S_IFMT(member.external_attr >> 16) if member.create_system == UNIX else 0
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refused(archive, member.filename, "is a link or a device")
            if not member.is_dir():
                yield member.filename, file.open(member)


def _tar_members(archive: Path, opener: Callable[..., Any]) -> Generator[Member, None, None]:
    budget = _Budget(archive)
    with opener(archive, "rb") as raw:
        limited: Any = _Limited(raw, budget)
        with tarfile.open(fileobj=limited, mode="r|", tarinfo=_Header) as file:
            for member in file:
                budget.take(member.size)
                if member.isdir():
                    continue
                stream = file.extractfile(member) if member.isfile() else None
                if stream is None:
                    raise _refused(archive, member.name, "is a link or a device")
                yield member.name, stream
        while limited.read(BLOCK_BYTES):  # to where the checksum is
            pass


@contextlib.contextmanager
def _opened(archive: Path, name: str, folder: Path) -> Generator[IO[bytes], None, None]:
    """The new file for a member."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise _refused(archive, name, "leads out of the folder")
    target = folder / path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = target.open("wb")
    except OSError as error:
        if error.errno in FULL:
            raise
        raise _refused(archive, name, f"cannot be a file here ({error.strerror})") from None
    with file:
        yield file


def _damaged(archive: Path, error: Exception) -> StorageError:
    reason = one_line(error).rstrip(":") or type(error).__name__
    return StorageError(f"{archive}: not a whole zip or tar archive ({reason}); get the file again")


def _refused(archive: Path, name: str, reason: str) -> StorageError:
    return StorageError(f"{archive}: member {name!r} {reason}; pack the archive without it")
