"""What stands at a user's path is looked at before it is read or replaced."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bertline.errors import BertlineError, StorageError
from bertline.leftovers import held_file

FILE, FOLDER = "a file", "a folder"
KINDS = {
    stat.S_IFREG: FILE,
    stat.S_IFDIR: FOLDER,
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""How the system says that nothing more can be written."""


def kind_of(path: Path) -> str | None:
    """What `path` names, links followed: a value of KINDS, or None where nothing is."""
    try:
        return KINDS[stat.S_IFMT(path.stat().st_mode)]
    except OSError:
        return None


def check_readable(path: Path) -> Path:
    """`path`; raises StorageError if it, or something below it, is a pipe, a device or a socket.

    Reading one of these may never end. Nothing is said of what does not exist.
    """
    below = (Path(folder, name) for folder, _, names in os.walk(path) for name in names)
    for each in (path, *below):
        kind = kind_of(each)
        if kind not in (FILE, FOLDER, None):
            raise StorageError(f"{each}: is {kind}; give a file or a folder of files")
    return path


def replaceable(path: Path, wanted: str) -> Path:
    """Where to write what is to be at `path`: the end of its links, so that these stay.

    wanted: FILE or FOLDER. Raises StorageError where something else stands there: nothing of
    another kind is ever replaced.
    """
    try:
        target = path.resolve()
    except (OSError, RuntimeError):
        raise StorageError(f"{path}: a link that leads to itself; give another path") from None
    kind = kind_of(target)
    if kind not in (wanted, None):
        raise StorageError(f"{path}: is {kind} and is not replaced; give the path of {wanted}")
    return target


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A stream whose bytes become the file `path` when the block ends without an exception.

    On an exception nothing changes at `path`. Raises StorageError where no file can stand, and
    OSError, which names `path`.
    """
    target = replaceable(path, FILE)
    with held_file(target.parent, target.name) as temporary, naming(path, temporary):
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target)


@contextlib.contextmanager
def naming(path: Path | str, temporary: Path | None = None) -> Iterator[None]:
    """Makes errors of the block name `path` for `temporary`, and for a full disk without a name.

    path: what the user knows: a path or an address.

    Writing to a stream, Python does not say of which file.
    """

    def shown(text: str) -> str:
        return text.replace(str(temporary), str(path)) if temporary else text

    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in FULL:
            error.filename = str(path)
        for name in ("filename", "filename2"):
            if isinstance(value := getattr(error, name), str):
                setattr(error, name, shown(value))
        raise
    except BertlineError as error:
        error.args = (shown(str(error)),)
        raise
