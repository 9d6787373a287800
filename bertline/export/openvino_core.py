"""The one openvino.Core of this process."""

import functools

import openvino


@functools.cache
def core() -> openvino.Core:
    """OpenVINO with its CPU plugin loaded, which stays as long as the process.

    The plugin gives the thread that loads it a stack for signals, and puts back the one before when
    it is unloaded. Plugins of several Cores that are not unloaded in the reverse order put back a
    stack that is gone: the next SIGTERM or Ctrl-C then ends the process with SIGSEGV (OpenVINO
    2026.4). Where this Core comes first, others that come and go leave its stack in place.
    """
    found = openvino.Core()
    found.get_property("CPU", "FULL_DEVICE_NAME")  # loads the plugin
    return found
