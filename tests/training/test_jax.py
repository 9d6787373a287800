"""The same code on Keras' other backend, in a process of its own: a backend is for good."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertline.artifacts import read_json
from bertline.modeling.model import build_model
from bertline.modeling.sites import FixedSites
from bertline.modeling.weights import Tensors, assign, load_weights, weights_digest
from tests.conftest import ROOT
from tests.stages.toy_artifacts import write_encoder, write_features
from tests.training.run_jax import BATCH
from tests.training.toys import SPEC

VARIABLES = {
    "KERAS_BACKEND": "jax",
    "JAX_PLATFORMS": "cpu",
    # Compiling takes most of the time, and the steps of a toy none.
    "XLA_FLAGS": "--xla_backend_optimization_level=0",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jax")
    write_encoder(folder / "encoder")
    write_features(folder / "features", train_lengths=[7] * 36)
    command = [sys.executable, "-m", "tests.training.run_jax", str(folder)]
    subprocess.run(command, cwd=ROOT, env=os.environ | VARIABLES, check=True)
    return folder


def history_of(run: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = read_json(run / "model/history.json")["entries"]
    return entries


def weights_of(run: Path) -> Tensors:
    return load_weights(run / "model/weights.safetensors")


def test_it_learns(trained: Path) -> None:
    history = history_of(trained / "undisturbed")
    assert [entry["step"] for entry in history] == list(range(1, 17))
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]
    assert history[-1]["dev_slot_accuracy"] > 0.5


def test_a_run_that_continues_ends_as_an_undisturbed_one(trained: Path) -> None:
    undisturbed, continued = trained / "undisturbed", trained / "continued"
    assert weights_digest(weights_of(continued)) == weights_digest(weights_of(undisturbed))
    assert history_of(continued) == history_of(undisturbed)


def test_its_weights_give_the_same_logits_under_tensorflow(trained: Path) -> None:
    model = build_model(SPEC)
    weights = weights_of(trained / "undisturbed")
    assign(model.trainable_variables, weights, where="trained under JAX")
    logits = load_weights(trained / "logits.safetensors")
    for name, found in model(BATCH).items():
        np.testing.assert_allclose(found, logits[name], atol=1e-5)


@pytest.mark.parametrize("several", ["two_devices", "two_hosts"])
def test_several_devices_train_as_one(trained: Path, several: str) -> None:
    """Dropout too: JAX draws for a row what it draws for it in a batch without padding rows."""
    one = weights_of(trained / "undisturbed")
    for path, found in weights_of(trained / several).items():
        # The softmax cancels the key's bias: its gradient is rounding, which Adam makes steps of.
        if not path.endswith("/key/bias"):
            np.testing.assert_allclose(found, one[path], rtol=0, atol=1e-5, err_msg=path)
    histories = history_of(trained / several), history_of(trained / "undisturbed")
    for entry, expected in zip(*histories, strict=True):
        assert entry == pytest.approx(expected, abs=1e-5)


def test_the_first_host_alone_writes(trained: Path) -> None:
    [work] = (trained / "two_hosts/work").iterdir()
    assert sorted(path.name for path in work.iterdir()) == [
        "lock",
        "step-00000010",
        "step-00000016",
        "tensorboard",
    ]
    # One of the two devices, whose work the hosts continued, and one more.
    assert len(list((work / "tensorboard").iterdir())) == 2


def test_a_quantized_network_gives_the_same_logits_under_tensorflow(trained: Path) -> None:
    ranges = {name: tuple(range) for name, range in read_json(trained / "ranges.json").items()}
    model = build_model(SPEC, sites=FixedSites(ranges))
    weights = load_weights(trained / "quantized.safetensors")
    assign(model.trainable_variables, weights, where="quantized under JAX")
    logits = load_weights(trained / "quantized_logits.safetensors")
    for name, found in model(BATCH).items():
        # A value between two levels may be rounded to the other one.
        low, high = ranges[f"{name.removesuffix('_logits')}_dense/logits"]
        np.testing.assert_allclose(found, logits[name], atol=2.01 * (high - low) / 255)
        assert (np.asarray(found).argmax(-1) == logits[name].argmax(-1)).all()


def test_quantization_learns_there_too(trained: Path) -> None:
    quantized = load_weights(trained / "quantized.safetensors")
    weights = weights_of(trained / "undisturbed")
    assert quantized.keys() == weights.keys()
    changes = [np.abs(quantized[path] - weights[path]).max() for path in weights]
    assert 0 < max(changes) < 0.01
