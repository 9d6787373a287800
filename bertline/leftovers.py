"""Temporary files and folders that show whether their owner lives: it holds them locked.

A process that is killed cannot remove what it made, but its locks end with it. Whoever makes
something temporary in the same place removes what nobody holds any more; `sweep` does so for places
to which nobody comes back.

The names end in `.<kernel>-<random>.tmp`. Locks are seen by the processes of one kernel, so that
what the processes of another one made, in a shared folder, goes by its age.
"""

import contextlib
import functools
import glob
import hashlib
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from bertline.locks import take

SUFFIX = ".tmp"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
FOREIGN_SECONDS = 24 * 3600
"""The age at which what another kernel's process made is taken for a leftover."""


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder in the system's place for temporary files, removed when the block ends."""
    with held_folder(Path(tempfile.gettempdir()), "bertline") as folder:
        yield folder


@contextlib.contextmanager
def held_folder(parent: Path, name: str) -> Iterator[Path]:
    """A new, empty, hidden folder in `parent`, removed when the block ends unless it was moved.

    Leftovers of the same name are removed first.
    """
    sweep(parent, name)
    path, descriptor = _make(parent, name, is_folder=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


@contextlib.contextmanager
def held_file(parent: Path, name: str) -> Iterator[Path]:
    """As `held_folder`, an empty file."""
    sweep(parent, name)
    path, descriptor = _make(parent, name, is_folder=False)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def sweep(folder: Path, name: str | None = None) -> None:
    """Removes the temporary files and folders in `folder` whose owner has ended.

    name: of what they were to become; by default all are looked at. What cannot be removed stays.
    """
    pattern = f".{'*' if name is None else glob.escape(name)}.*-*{SUFFIX}"
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):
            _remove_if_left(path)


def _make(parent: Path, name: str, is_folder: bool) -> tuple[Path, int]:
    """A new file or folder, and a descriptor that holds it locked where locks are known."""
    while True:
        path = parent / f".{name}.{_kernel()}-{uuid.uuid4().hex[:8]}{SUFFIX}"
        try:
            if is_folder:
                path.mkdir()
            else:
                path.touch(exist_ok=False)
        except OSError as error:
            error.filename = str(parent / name)
            raise
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # Swept before it was locked.
        try:
            is_ours = take(descriptor)
        except OSError:
            is_ours = True
        if is_ours and _is_at(descriptor, path):
            return path, descriptor
        os.close(descriptor)


def _remove_if_left(path: Path) -> None:
    kernel = path.name.removesuffix(SUFFIX).rpartition(".")[2].partition("-")[0]
    if kernel != _kernel():
        if time.time() - path.stat().st_mtime > FOREIGN_SECONDS:
            _remove(path)
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if take(descriptor):
            _remove(path)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file still has its name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@functools.cache
def _kernel() -> str:
    """Eight digits that distinguish this kernel, since it was started, from others."""
    try:
        return hashlib.sha256(BOOT_ID.read_bytes()).hexdigest()[:8]
    except OSError:
        return "00000000"
