"""`pip install bertline[openvino]` or `[litert]` alone is enough to predict, and small.

Takes packages from the index that pip is set up for.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"tensorflow", "tensorflow_cpu", "keras", "kfp", "nncf", "apache_beam", "jax"}
TEXTS = '{"text": "play some jazz by miles davis"}\n"rate jazz"\n'


def run(*command: str | Path, cwd: Path) -> str:
    # Nothing of this environment may be found by the new one.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("extra", "name", "download_limit_mb", "installed_limit_mb"),
    [("openvino", "openvino_int8", 120, 360), ("litert", "litert_dynamic_int8", 80, 240)],
)
def test_one_extra_is_enough_to_predict(
    toy_folder: Path,
    source: Path,
    tmp_path: Path,
    extra: str,
    name: str,
    download_limit_mb: int,
    installed_limit_mb: int,
) -> None:
    run(sys.executable, "-m", "venv", "fresh", cwd=tmp_path)
    python = tmp_path / "fresh/bin/python"
    [packages] = (tmp_path / "fresh").glob("lib/python*/site-packages")
    empty_bytes = size_bytes(packages)
    wheels = tmp_path / "wheels"
    pip = (python, "-m", "pip", "--disable-pip-version-check", "--quiet")
    run(*pip, "wheel", "--wheel-dir", wheels, f"{source}[{extra}]", cwd=tmp_path)
    run(
        *(*pip, "install", "--no-index", "--find-links", wheels, f"bertline[{extra}]"),
        cwd=tmp_path,
    )
    assert size_bytes(wheels) < download_limit_mb * 10**6
    assert size_bytes(packages) - empty_bytes < installed_limit_mb * 10**6
    assert not {path.name.split("-")[0] for path in packages.iterdir()} & HEAVY

    command = (tmp_path / "fresh/bin/bertline", "predict", "--model")
    printed = run(*command, toy_folder, "play some jazz by miles davis", cwd=tmp_path)
    assert "intent: PlayMusic" in printed
    assert "artist: miles davis" in printed
    (tmp_path / "texts.jsonl").write_text(TEXTS)
    lines = run(*command, toy_folder / name, "--input", "texts.jsonl", cwd=tmp_path).splitlines()
    assert len(lines) == 2
    assert '"intent": "RateBook"' in lines[1]


def size_bytes(folder: Path) -> int:
    """Of all files below `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
