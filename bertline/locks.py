"""Locks on files and folders, which end with the process that holds them, however it ends."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

PAUSE_SECONDS = 0.05


def take(descriptor: int, seconds: float = 0.0) -> bool:
    """Locks an open file or folder for this process alone; False if another holds it too long.

    seconds: how long to wait for the other. The lock is given back when the descriptor is closed.
    Raises OSError where the file system has no locks.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(PAUSE_SECONDS)
        else:
            return True


@contextlib.contextmanager
def exclusive(file: Path, seconds: float) -> Iterator[bool]:
    """Holds `file` locked while the block runs; yields False if another holds it too long.

    The file is made where there is none, and stays: removing it would give two processes a lock
    each. Where the file system has no locks, the block runs without one.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            is_held = take(descriptor, seconds)
        except OSError:
            is_held = True
        yield is_held
    finally:
        os.close(descriptor)
