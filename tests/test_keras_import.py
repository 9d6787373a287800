import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

CODE = """
import json, sys
from bertline.keras_import import import_keras
import_keras()
print(json.dumps([name for name in ("keras", "tensorflow", "jax", "sklearn", "matplotlib")
                  if name in sys.modules]))
import matplotlib.figure, sklearn.base
import_keras()
assert "matplotlib" in sys.modules and "sklearn" in sys.modules
"""


@pytest.mark.parametrize(
    ("backend", "imported"),
    [("tensorflow", ["keras", "tensorflow"]), ("jax", ["keras", "jax"])],
)
def test_keras_comes_with_its_backend_alone(backend: str, imported: list[str]) -> None:
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert set(imported) <= set(json.loads(done.stdout)) <= {*imported, "tensorflow"}
