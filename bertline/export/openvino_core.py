"""The one openvino.Core of this process, and a place for the Cores of libraries."""

import contextlib
import ctypes
import functools
from collections.abc import Iterator

import openvino


@functools.cache
def core() -> openvino.Core:
    """OpenVINO with its CPU plugin loaded, which stays as long as the process.

    The plugin gives the thread that loads it a stack for signals, and puts back the one before when
    it is unloaded. Plugins of several Cores that are not unloaded in the reverse order put back a
    stack that is gone: the next SIGTERM or Ctrl-C then ends the process with SIGSEGV (OpenVINO
    2026.4). Create other Cores in `other_cores`.
    """
    found = openvino.Core()
    found.get_property("CPU", "FULL_DEVICE_NAME")  # loads the plugin
    return found


@contextlib.contextmanager
def other_cores() -> Iterator[None]:
    """Keeps this thread's stack for signals while other Cores are created in the block.

    A plugin that is unloaded later, in whatever order, finds another stack than its own in use and
    leaves it alone.
    """
    core()
    before = ctypes.create_string_buffer(64)  # a stack_t, which is smaller
    ctypes.CDLL(None).sigaltstack(None, before)
    try:
        yield
    finally:
        ctypes.CDLL(None).sigaltstack(before, None)
