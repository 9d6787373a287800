"""Signals are heard whatever Cores have come and gone."""

import subprocess
import sys

# In a process of its own, since what fails ends the process with SIGSEGV.
OVERLAPPING = """
import os, signal
import numpy as np, openvino as ov
from openvino import opset13 as opset
from bertline.export.openvino_core import core, other_cores

def compiled():
    number = opset.parameter([1], ov.Type.f32)
    return ov.Core().compile_model(ov.Model([opset.add(number, number)], [number]), "CPU")

signal.signal(signal.SIGTERM, lambda *_: print("heard", flush=True))
core()
with other_cores():
    first = compiled()
    second = compiled()
del first
assert [*second(np.ones(1, np.float32)).values()][0] == 2
del second
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_cores_that_overlap_leave_the_stack_for_signals() -> None:
    command = [sys.executable, "-c", OVERLAPPING]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr
