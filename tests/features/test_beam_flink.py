"""Tokenization on a real Flink in one machine; `make test-flink` says what it needs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bertline.artifacts import read_manifest
from bertline.stages import ingest
from tests.conftest import ROOT
from tests.features.flink_server import FLINK_VERSION, job_server
from tests.features.toys import write_encoder

pytestmark = pytest.mark.flink


@pytest.fixture(scope="module")
def options() -> list[str]:
    """Beam's options of a Flink cluster in one process, with workers in the stage's own."""
    if shutil.which("java") is None:
        pytest.fail("java not found: install Java 11 or 17", pytrace=False)
    return [
        "--flink_master=[local]",
        "--environment_type=LOOPBACK",
        "--parallelism=2",
        f"--flink_version={FLINK_VERSION}",
        f"--flink_job_server_jar={job_server()}",
    ]


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """A folder with examples (of the samples) and an encoder."""
    settings = ingest.Settings(task="snips", source=(str(ROOT / "samples/snips"),))
    ingest.run(settings, examples=tmp_path / "examples")
    write_encoder(tmp_path / "encoder")
    return tmp_path


def tokenize(folder: Path, name: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Runs the stage in a process of its own, as every runner does."""
    values = {"max_seq_length": 16, "num_shards": 3, **settings}
    paths = {"examples": "examples", "encoder": "encoder", "features": name}
    return subprocess.run(
        [
            *(sys.executable, "-m", "bertline.stages.execute", "tokenize", json.dumps(values)),
            *(f"{key}={folder / path}" for key, path in paths.items()),
        ],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def hashes(features: Path) -> dict[str, str]:
    """File → SHA-256."""
    return read_manifest(features, "features").files


def test_flink_gives_the_bytes_of_the_local_runner(inputs: Path, options: list[str]) -> None:
    alone = tokenize(inputs, "alone")
    assert alone.returncode == 0, alone.stderr
    on_flink = tokenize(inputs, "flink", beam_runner="flink", beam_options=options)
    assert on_flink.returncode == 0, on_flink.stderr
    assert "--flink-master" in on_flink.stderr  # the job server was started
    expected = hashes(inputs / "alone")
    assert len([name for name in expected if name.endswith(".tfrecord")]) == 9
    assert hashes(inputs / "flink") == expected

    (inputs / "exchange").mkdir()
    through = [*options, f"--temp_location={inputs / 'exchange'}"]
    copied = tokenize(inputs, "copied", beam_runner="flink", beam_options=through)
    assert copied.returncode == 0, copied.stderr
    assert hashes(inputs / "copied") == expected
    assert not list((inputs / "exchange").iterdir())


def test_wrong_data_stays_one_line(inputs: Path, options: list[str]) -> None:
    lines = (inputs / "examples/dev.jsonl").read_text().splitlines()
    bad = json.loads(lines[-1]) | {"intent": "BookTaxi"}
    text = "\n".join([*lines[:-1], json.dumps(bad)]) + "\n"
    (inputs / "examples/dev.jsonl").write_text(text)
    done = tokenize(inputs, "flink", beam_runner="flink", beam_options=options)
    assert done.returncode == 2
    # Beam's own lines, of its job server, are in between.
    (error,) = (line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert error.startswith(f"error: tokenize: {inputs}/examples/dev.jsonl:{len(lines)}: ")
    assert "Traceback" not in done.stderr
    assert not (inputs / "flink").exists()
