"""What a wheel installs: one package, in which the command has what it consists of."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.install.conftest import PACKAGES

COMMAND = "bertline/_command"


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=cwd, env=clean | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with the setuptools that is here."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", *options, source, cwd=folder)
    [file] = folder.glob("*.whl")
    return file


def test_the_wheel_has_all_files_below_one_package(wheel: Path, source: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        [top_level] = (name for name in archive.namelist() if name.endswith("/top_level.txt"))
        assert archive.read(top_level).split() == [b"bertline"]
    files = (file for name in PACKAGES for file in (source / name).rglob("*") if file.is_file())
    expected = {file.relative_to(source).as_posix() for file in files}
    in_command = {name for name in expected if not name.startswith("bertline/")}
    in_wheel = {f"{COMMAND}/{name}" for name in in_command} | (expected - in_command)
    assert sorted(names) == sorted(in_wheel)


def test_the_command_runs_where_it_is_installed(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    options = ("--no-deps", "--no-index", "--no-compile", "--target", target)
    run(sys.executable, "-m", "pip", "install", "--quiet", *options, wheel, cwd=tmp_path)
    installed = {path.name for path in target.iterdir() if not path.name.endswith(".dist-info")}
    assert installed == {"bertline", "bin"}

    def bertline(*arguments: str | Path) -> str:
        return run(*arguments, cwd=tmp_path, PYTHONPATH=str(target))

    command = target / "bin/bertline"
    assert "snips" in [line.split()[0] for line in bertline(command, "recipes").splitlines()]
    assert "usage: bertline predict" in bertline(command, "predict", "--help")
    compiled = bertline(sys.executable, "-m", "bertline", "compile", "snips", "-o", "ir.yaml")
    assert compiled == "ir.yaml\n"
    # Nobody but the command finds these packages, and it finds them in the package.
    code = "from bertline.__main__ import *; main(); import pipelines; print(pipelines.__file__)"
    printed = bertline(sys.executable, "-c", code, "checkpoints").splitlines()
    assert printed[-1] == f"{target}/{COMMAND}/pipelines/__init__.py"
