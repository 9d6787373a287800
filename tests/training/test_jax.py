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
from bertline.modeling.weights import assign, load_weights
from tests.conftest import ROOT
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
    command = [sys.executable, "-m", "tests.training.run_jax", str(folder)]
    subprocess.run(command, cwd=ROOT, env=os.environ | VARIABLES, check=True)
    return folder


@pytest.fixture(scope="module")
def facts(trained: Path) -> dict[str, Any]:
    return read_json(trained / "facts.json")


def test_it_learns(facts: dict[str, Any]) -> None:
    history = facts["histories"][0]
    assert [entry["step"] for entry in history] == list(range(1, 17))
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]
    assert history[-1]["dev_slot_accuracy"] > 0.5


def test_a_run_that_continues_ends_as_an_undisturbed_one(facts: dict[str, Any]) -> None:
    assert facts["digests"][0] == facts["digests"][1]
    assert facts["histories"][0] == facts["histories"][1]


def test_its_weights_give_the_same_logits_under_tensorflow(trained: Path) -> None:
    model = build_model(SPEC)
    weights = load_weights(trained / "weights.safetensors")
    assign(model.trainable_variables, weights, where="trained under JAX")
    logits = load_weights(trained / "logits.safetensors")
    for name, found in model(BATCH).items():
        np.testing.assert_allclose(found, logits[name], atol=1e-5)


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
    weights = load_weights(trained / "weights.safetensors")
    assert quantized.keys() == weights.keys()
    changes = [np.abs(quantized[path] - weights[path]).max() for path in weights]
    assert 0 < max(changes) < 0.01
