"""Files that are made for one batch and one length answer as those that take any."""

from pathlib import Path

import numpy as np
import pytest

import bertline
from bertline.errors import CheckpointError, DataError
from bertline.evaluation.predictors import open_predictor, warm
from bertline.evaluation.predictors.shape import FixedShape
from tests.toy_model import write_toy_folder

NAMES = ["openvino_int8", "litert_dynamic_int8", "saved_model"]
TEXTS = ["play some jazz by miles davis", "rate jazz", "play", "rate miles davis !", "jazzly by"]
BATCH, LENGTH = 3, 10


@pytest.fixture(scope="module")
def fixed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fixed")
    write_toy_folder(folder, (BATCH, LENGTH))
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_those_of_a_file_of_open_shape(
    fixed_folder: Path, toy_folder: Path, name: str
) -> None:
    model = bertline.load(fixed_folder, name)
    assert model.predictor.fixed_batch == BATCH
    expected = bertline.load(toy_folder, name).predict(TEXTS)
    for count in range(1, len(TEXTS) + 1):
        assert model.predict(TEXTS[:count]) == expected[:count]
    warm(model.predictor, (4, LENGTH, 16))


@pytest.mark.parametrize("name", NAMES)
def test_a_text_that_is_too_long_is_told(fixed_folder: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"^{name}: made for 10 tokens, a text has 13; export it"):
        bertline.load(fixed_folder, name).predict(["play", "rate " * 11])


@pytest.mark.parametrize("name", NAMES)
def test_of_open_shapes_only_litert_files_have_a_batch(toy_folder: Path, name: str) -> None:
    expected = 1 if name == "litert_dynamic_int8" else None
    assert open_predictor(toy_folder, name).fixed_batch == expected


def test_padding_beyond_the_positions_of_a_model_is_left_out() -> None:
    shape = FixedShape.of("x", [[-1, -1]], positions=6)
    ids = np.array([[5, 5, 5, 5, 5, 5, 0, 0]], np.int32)
    batch = {"input_ids": ids, "input_mask": ids}
    filled = shape.filled(batch)
    assert filled["input_ids"].tolist() == [[5, 5, 5, 5, 5, 5]]
    outputs = {name: np.ones((1, 6, 2), np.float32) for name in ("slot_logits",)}
    cut = shape.cut(outputs, batch)["slot_logits"]
    assert cut[0, :, 0].tolist() == [1, 1, 1, 1, 1, 1, 0, 0]
    short = {name: values[:, :4] for name, values in batch.items()}
    assert shape.filled(short) is short


@pytest.mark.parametrize("shapes", [[[1, 8], [1, 9]], [[1, 8, 1]], []])
def test_inputs_of_other_shapes_are_refused(shapes: list[list[int]]) -> None:
    with pytest.raises(CheckpointError, match="x: inputs are not all"):
        FixedShape.of("x", shapes)
