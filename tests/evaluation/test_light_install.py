"""Predicting needs nothing of what training needs."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = [
    "tensorflow",
    "keras",
    "jax",
    "kfp",
    "nncf",
    "apache_beam",
    "yaml",
    "safetensors",
    "google_crc32c",
    "google.cloud",
    "jinja2",
    "matplotlib",
    "sklearn",
]

PREDICT = """
import importlib.abc
import sys

heavy = sys.argv[3].split(",")

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if any(name == each or name.startswith(each + ".") for each in heavy):
            raise ModuleNotFoundError(f"{name} is not part of a light installation", name=name)

sys.meta_path.insert(0, Absent())

import bertline

assert "numpy" not in sys.modules, "import bertline alone must stay light"
answer = bertline.load(sys.argv[1], sys.argv[2]).predict(["play some jazz by miles davis"])[0]
print(answer.intent, *(slot.label for slot in answer.slots))
"""


@pytest.mark.parametrize(
    ("name", "other_runtime"),
    [("openvino_int8", "ai_edge_litert"), ("litert_dynamic_int8", "openvino")],
)
def test_predicting_imports_its_own_runtime_only(
    toy_folder: Path, name: str, other_runtime: str
) -> None:
    heavy = ",".join([*HEAVY, other_runtime])
    command = [sys.executable, "-c", PREDICT, str(toy_folder), name, heavy]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["PlayMusic", "genre", "artist"]
