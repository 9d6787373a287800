"""A folder takes the place of another: all of it or none, and a kill in between is mended."""

import contextlib
import errno
import glob
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from bertline.errors import StorageError
from bertline.locks import take

RENAME_REFUSED = (errno.EMFILE, errno.ENOSYS, errno.ENOTSUP)
"""How mounted buckets say that they rename no folders: a bucket mounted by Cloud Storage FUSE."""
SUFFIX = ".old"
LAST = "manifest.json"
"""The file that makes a folder whole, moved after all others."""


def replace_folder(source: Path, target: Path) -> None:
    """Renames folder `source` to `target`, replacing what is there; raises StorageError."""
    old = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}{SUFFIX}"
    with contextlib.ExitStack() as stack:
        try:
            if target.exists():
                stack.enter_context(_held(target))
                _move_folder(target, old)
            _move_folder(source, target)
            fsync(target.parent)
        except OSError as error:
            if old.exists() and not target.exists():
                _move_folder(old, target)
            raise StorageError(f"{target}: cannot be written ({error.strerror})") from error
        finally:
            shutil.rmtree(old, ignore_errors=True)


def restore_folder(target: Path) -> None:
    """Mends what a process left that was killed while it replaced `target`.

    What stood there before comes back if nothing else is there; else it is removed.
    """
    for old in target.parent.glob(f".{glob.escape(target.name)}.*{SUFFIX}"):
        with contextlib.suppress(OSError), _held(old) as is_left:
            if is_left and not target.exists():
                old.rename(target)
            elif is_left:
                shutil.rmtree(old)


def fsync(path: Path) -> None:
    """Flushes a file's or a folder's entry to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Locks a folder under whatever name; yields whether it is this process's alone."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            is_held = take(descriptor)
        except OSError:
            is_held = False
        yield is_held
    finally:
        os.close(descriptor)


def _move_folder(source: Path, target: Path) -> None:
    """Renames a folder; where that cannot be, moves its files into a new one, the manifest last."""
    try:
        source.rename(target)
        return
    except OSError as error:
        if error.errno not in RENAME_REFUSED:
            raise
    files = sorted(file for file in source.rglob("*") if file.is_file())
    try:
        for file in sorted(files, key=lambda file: file == source / LAST):
            place = target / file.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            file.rename(place)
    except OSError:
        shutil.rmtree(target, ignore_errors=True)
        raise
    shutil.rmtree(source)
