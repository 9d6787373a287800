"""Artifacts of a toy, and folders that convert made of them."""

import json
from pathlib import Path

import keras
import pytest

from bertline.artifacts import write_text
from bertline.stages.convert import Settings, run
from tests.stages.conversions import SPEC
from tests.stages.toy_artifacts import write_encoder, write_model


@pytest.fixture(scope="session")
def wide_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("toy") / "encoder", SPEC)


@pytest.fixture(scope="session")
def wide_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(1)
    return write_model(tmp_path_factory.mktemp("toy") / "model", SPEC)


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("texts") / "texts.jsonl"
    lines = [{"text": f"word{n % 26} word{n * 7 % 26} word3", "id": f"t{n}"} for n in range(40)]
    write_text(file, "".join(json.dumps(line) + "\n" for line in lines))
    return file


@pytest.fixture(scope="session")
def converted(wide_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder in forms that lose nothing; its two outputs, open shapes."""
    folder = tmp_path_factory.mktemp("converted") / "encoder"
    formats = ("openvino_fp32", "litert", "saved_model")
    run(Settings(formats=formats), source=wide_encoder, exported=folder)
    return folder


@pytest.fixture(scope="session")
def with_head(wide_model: Path, texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with its head, calibrated."""
    folder = tmp_path_factory.mktemp("converted") / "model"
    run(Settings(calibration=str(texts)), source=wide_model, exported=folder)
    return folder
