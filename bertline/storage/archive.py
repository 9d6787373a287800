"""Zip and tar archives, unpacked with no trust in them."""

import contextlib
import gzip
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Generator
from pathlib import Path, PurePosixPath
from typing import IO

from bertline.artifacts import new_folder
from bertline.errors import StorageError

DAMAGE = (
    EOFError,
    NotImplementedError,  # a compression that Python's zipfile has not
    gzip.BadGzipFile,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)
ZIP_ENCRYPTED = 0x1
BLOCK_BYTES = 1 << 20

COMPRESSED = (b"PK", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
"""How zip, gzip, bzip2 and xz files begin."""

Member = tuple[str, IO[bytes]]


def is_archive(file: Path) -> bool:
    """Whether `file` is meant to be a zip, tar or compressed tar archive, even if damaged."""
    with file.open("rb") as stream:
        return stream.read(5).startswith(COMPRESSED) or tarfile.is_tarfile(file)


def unpack(archive: Path, folder: Path) -> Path:
    """`folder`, holding the files of a zip, tar or compressed tar archive: all of them or none.

    They are not flushed to the disk: what is unpacked can be unpacked again. Raises StorageError
    for what is no archive, for a truncated or damaged one, and for a member whose name leads out
    of the folder or that is a link or a device.
    """
    try:
        with (
            new_folder(folder, durable=False) as new,
            contextlib.closing(_members(archive)) as members,
        ):
            for name, stream in members:
                with stream:
                    target = new / _checked(archive, name)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with target.open("wb") as file:
                        shutil.copyfileobj(stream, file, BLOCK_BYTES)
    except DAMAGE as error:
        reason = str(error).splitlines()[0].rstrip(":")
        raise StorageError(
            f"{archive}: not a whole zip or tar archive ({reason}); get the file again"
        ) from None
    return folder


def _members(archive: Path) -> Generator[Member, None, None]:
    """The name and the opened contents of each file in the archive."""
    with archive.open("rb") as file:
        is_zip = file.read(2) == b"PK"
    return _zip_members(archive) if is_zip else _tar_members(archive)


def _zip_members(archive: Path) -> Generator[Member, None, None]:
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            if member.flag_bits & ZIP_ENCRYPTED:
                raise _refused(archive, member.filename, "is encrypted")
            if not member.is_dir():
                yield member.filename, file.open(member)


def _tar_members(archive: Path) -> Generator[Member, None, None]:
    with tarfile.open(archive) as file:
        for member in file:
            if member.isdir():
                continue
            stream = file.extractfile(member) if member.isfile() else None
            if stream is None:
                raise _refused(archive, member.name, "is a link or a device")
            yield member.name, stream
        _check_end(file)


def _check_end(file: tarfile.TarFile) -> None:
    """Raises ReadError if a tar is cut between members; reads on to where gzip has its checksum."""
    assert file.fileobj is not None
    file.fileobj.seek(file.offset)
    if not file.fileobj.read(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("no end mark")
    while file.fileobj.read(BLOCK_BYTES):
        pass


def _checked(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise _refused(archive, name, "leads out of the folder")
    return path


def _refused(archive: Path, name: str, reason: str) -> StorageError:
    return StorageError(f"{archive}: member {name!r} {reason}; pack the archive without it")
