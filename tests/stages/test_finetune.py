import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bertline.artifacts import file_sha256, files_of, read_json, read_manifest
from bertline.errors import ConfigError, DataError
from bertline.modeling.config import ModelSpec
from bertline.modeling.weights import load_weights, save_weights, weights_digest
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
    assert names == ["lock", "step-00000190", "step-00000200", "tensorboard"]


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


def changed(**values: object) -> Settings:
    return Settings.parse(SETTINGS.model_dump() | {"num_epochs": 1} | values, where="test")


def test_a_second_run_starts_from_the_first(
    tmp_path: Path, inputs: dict[str, Path], undisturbed: Path
) -> None:
    first = undisturbed / "model"
    settings = changed(init_from=str(first), learning_rate=1e-9)
    run(settings, **inputs, model=tmp_path / "model", work=tmp_path / "work")
    weights = load_weights(tmp_path / "model/weights.safetensors")
    for path, value in load_weights(first / "weights.safetensors").items():
        np.testing.assert_allclose(weights[path], value, rtol=0, atol=1e-6)
    # Optimizer and schedule are new: the history begins at step 1 of this run.
    assert read_json(tmp_path / "model/history.json")["entries"][-1]["step"] == STEPS // 20


def test_the_model_it_starts_from_names_the_run(
    tmp_path: Path, inputs: dict[str, Path], undisturbed: Path
) -> None:
    """Another model at the same path does not continue from checkpoints of the first."""
    earlier = tmp_path / "earlier"
    names = []
    for shift in (0.0, 0.5):
        shutil.rmtree(earlier, ignore_errors=True)
        shutil.copytree(undisturbed / "model", earlier)
        weights = load_weights(earlier / "weights.safetensors")
        weights["encoder/pooler/bias"] += shift
        save_weights(weights, earlier / "weights.safetensors")
        (earlier / "manifest.json").unlink()  # which is of the weights before
        paths = {"model": tmp_path / "model", "work": tmp_path / "work"}
        run(changed(init_from=str(earlier)), **inputs, **paths)
        names.append(read_manifest(tmp_path / "model", "model").about["run_id"])
    assert names[0] != names[1]


def test_a_head_of_the_checkpoint_s_is_kept_when_asked_for(
    tmp_path: Path, inputs: dict[str, Path], undisturbed: Path
) -> None:
    trained = load_weights(undisturbed / "model/weights.safetensors")
    head = {path: value for path, value in trained.items() if not path.startswith("encoder/")}
    encoder = write_encoder(tmp_path / "encoder")
    save_weights(head, encoder / "head.safetensors")
    settings = changed(keep_head=True, learning_rate=1e-9)
    paths = {"encoder": encoder, "features": inputs["features"], "work": tmp_path / "work"}
    run(settings, **paths, model=tmp_path / "model")
    weights = load_weights(tmp_path / "model/weights.safetensors")
    for path, value in head.items():
        np.testing.assert_allclose(weights[path], value, rtol=0, atol=1e-6)


def test_a_run_starts_in_one_way() -> None:
    message = r"key 'keep_head' = True: .*init_from brings a head of its own; leave out one of them"
    with pytest.raises(ConfigError, match=message):
        changed(init_from="model", keep_head=True)
