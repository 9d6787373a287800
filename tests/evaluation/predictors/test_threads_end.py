"""Models come and go while the threads that used them live on."""

import subprocess
import sys
from pathlib import Path

import pytest

from bertline.code_version import ROOT

# In a process of its own: what failed was OpenVINO, which aborted when a thread ended.
LEAVE = """
import gc, sys, threading
import bertline

def use(model):
    for text in ("play some jazz", "rate jazz by miles"):
        model.predict([text])

def use_and_stay(model):
    use(model)
    del model
    left.wait()

for _ in range(40):
    model, left = bertline.load(*sys.argv[1:]), threading.Event()
    threads = [threading.Thread(target=use_and_stay, args=(model,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    use(model)
    del model
    gc.collect()
    written_over = [bytes(size % 400) for size in range(3000)]
    left.set()
    for thread in threads:
        thread.join()
print("ended")
"""


@pytest.mark.parametrize("name", ["openvino_int8", "litert_dynamic_int8"])
def test_a_thread_may_outlive_a_model_that_it_used(toy_folder: Path, name: str) -> None:
    command = [sys.executable, "-c", LEAVE, str(toy_folder), name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "ended\n"), done.stderr


HEAR = """
import gc, os, signal, sys
import bertline

signal.signal(signal.SIGTERM, lambda *_: print("heard", flush=True))
first, second = bertline.load(*sys.argv[1:]), bertline.load(*sys.argv[1:])
first.predict(["play some jazz"])
del first
gc.collect()
second.predict(["play some jazz"])
del second
gc.collect()
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_signal_is_heard_after_models_have_gone(toy_folder: Path) -> None:
    """OpenVINO's CPU plugin replaces the stack for signals and may put back one that is gone."""
    command = [sys.executable, "-c", HEAR, str(toy_folder), "openvino_int8"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr
