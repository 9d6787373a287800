"""A tiny model with random weights in every format, made once for all tests of this folder."""

from pathlib import Path

import keras
import numpy as np
import pytest

from bertline.artifacts import write_json
from bertline.export.calibration import samples_of
from bertline.export.exporter import Exporter
from bertline.export.listing import FILE_NAME, FORMATS, Exports
from bertline.export.source import open_source
from bertline.modeling.model import build_model
from bertline.modeling.weights import save_weights, tensors_of
from tests.modeling.toys import toy_spec
from tests.stages.toy_artifacts import write_vocab
from tests.training.toys import toy_features

# The least size at which OpenVINO fuses attention as it does in real models.
SPEC = toy_spec(hidden_size=32, intermediate_size=64, initializer_range=0.3)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder: weights.safetensors, model.json and vocab.txt."""
    folder = tmp_path_factory.mktemp("model")
    keras.utils.set_random_seed(0)
    network = build_model(SPEC)
    save_weights(tensors_of(network.trainable_variables), folder / "weights.safetensors")
    write_json(folder / "model.json", SPEC.model_dump())
    write_vocab(folder / "vocab.txt")
    return folder


@pytest.fixture(scope="session")
def exported(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported folder with all formats."""
    folder = tmp_path_factory.mktemp("exported")
    lengths = np.random.default_rng(0).integers(3, 24, 40).tolist()
    scratch = tmp_path_factory.mktemp("scratch")
    graph = open_source(model).graph
    exporter = Exporter(graph, samples_of(graph, toy_features(lengths), range(40)), scratch)
    exports = Exports(files=tuple(exporter.export(name, folder) for name in FORMATS))
    write_json(folder / FILE_NAME, exports.model_dump())
    write_json(folder / "model.json", SPEC.model_dump())
    return folder
