import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests.machine import Machine
from tests.manifests.rendered import Render


@pytest.fixture(scope="session")
def kustomize() -> str:
    """The program kustomize of this environment, or of the machine."""
    program = shutil.which("kustomize", path=str(Path(sys.executable).parent))
    program = program or shutil.which("kustomize")
    if program is None:
        pytest.skip("kustomize is not installed; make kustomize installs it")
    return program


@pytest.fixture(scope="session")
def render(kustomize: str) -> Render:
    """Gives the objects that kustomize makes of a folder."""

    @cache
    def objects(folder: Path) -> list[dict[str, Any]]:
        done = subprocess.run(
            [kustomize, "build", folder], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        return list(yaml.safe_load_all(done.stdout))

    return objects


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)
