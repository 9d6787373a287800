import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bertline.artifacts import file_sha256, files_of, read_json, read_manifest
from bertline.errors import DataError
from bertline.modeling.config import ModelSpec
from bertline.modeling.weights import load_weights, weights_digest
from bertline.stages.finetune import Settings, run
from tests.conftest import ROOT
from tests.stages.toy_artifacts import write_encoder, write_features
from tests.training.toys import SPEC

SETTINGS = Settings(
    num_epochs=20,
    batch_size=8,
    learning_rate=0.01,
    save_checkpoints_steps=10,
    precision="float32",
)
STEPS = 200


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("finetune")
    return {
        "encoder": write_encoder(folder / "encoder"),
        "features": write_features(folder / "features"),
    }


@pytest.fixture(scope="module")
def undisturbed(inputs: dict[str, Path]) -> Path:
    folder = inputs["encoder"].parent / "undisturbed"
    run(SETTINGS, **inputs, model=folder / "model", work=folder / "work")
    return folder


def test_the_model_folder_has_all_that_it_needs(inputs: dict[str, Path], undisturbed: Path) -> None:
    model = undisturbed / "model"
    assert [path.name for path in files_of(model)] == [
        "history.json",
        "manifest.json",
        "model.json",
        "vocab.txt",
        "weights.safetensors",
    ]
    assert ModelSpec.read(model) == SPEC
    assert file_sha256(model / "vocab.txt") == file_sha256(inputs["encoder"] / "vocab.txt")
    about = read_manifest(model, "model").about
    assert about["task"] == "snips"
    assert about["weights_sha256"] == weights_digest(load_weights(model / "weights.safetensors"))


def test_the_history_is_that_of_training(undisturbed: Path) -> None:
    entries = read_json(undisturbed / "model/history.json")["entries"]
    assert entries[-1]["step"] == STEPS
    assert entries[-1]["loss"] < 0.6 * entries[0]["loss"]
    assert entries[-1]["dev_slot_accuracy"] > 0.9


def test_checkpoints_lie_under_the_fingerprint_of_the_run(undisturbed: Path) -> None:
    run_id = read_manifest(undisturbed / "model", "model").about["run_id"]
    names = sorted(path.name for path in (undisturbed / "work" / run_id).iterdir())
    assert names == ["step-00000190", "step-00000200", "tensorboard"]


def test_a_killed_run_ends_as_an_undisturbed_one(
    tmp_path: Path, inputs: dict[str, Path], undisturbed: Path
) -> None:
    model, work = tmp_path / "model", tmp_path / "work"
    paths = inputs | {"model": model, "work": work}
    command = [sys.executable, "-m", "bertline.stages.execute", "finetune", SETTINGS.to_json()]
    command += [f"{name}={path}" for name, path in paths.items()]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ)
    while not list(work.glob("*/step-*")):
        assert process.poll() is None, "it ended before its first checkpoint"
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not model.exists()
    newest = max(path.name for path in work.glob("*/step-*"))
    assert newest < f"step-{STEPS:08d}"
    subprocess.run(command, cwd=ROOT, check=True)
    assert read_manifest(model, "model") == read_manifest(undisturbed / "model", "model")


def test_features_of_another_vocabulary_are_refused(
    tmp_path: Path, inputs: dict[str, Path]
) -> None:
    encoder = write_encoder(tmp_path / "encoder")
    with (encoder / "vocab.txt").open("a") as stream:
        stream.write("more\n")
    with pytest.raises(DataError, match="features: made with another vocabulary than that of"):
        run(
            SETTINGS,
            encoder=encoder,
            features=inputs["features"],
            model=tmp_path / "model",
            work=tmp_path / "work",
        )


def test_a_folder_that_is_no_encoder_is_refused(tmp_path: Path, inputs: dict[str, Path]) -> None:
    with pytest.raises(DataError, match="holds 'features', expected 'encoder'; give another"):
        run(
            SETTINGS,
            encoder=inputs["features"],
            features=inputs["features"],
            model=tmp_path / "model",
            work=tmp_path / "work",
        )
