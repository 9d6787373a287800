"""Every format against the float32 forward pass of the training model."""

from pathlib import Path

import numpy as np
import pytest

from bertline.evaluation.predictors import Batch, Logits, Predictor, open_predictor
from bertline.evaluation.predictors.keras import KerasPredictor
from bertline.evaluation.predictors.openvino import OpenVinoPredictor
from bertline.export.listing import FORMATS
from tests.modeling.toys import batch_of

OUTPUTS = ("intent_logits", "slot_logits")
ROWS = [[2, 9, 8, 12, 3], [2, 29, 3], [2, 7, 7, 7, 4, 15, 16, 3]]
# The greatest difference allowed, and the root of the mean square of all: the standard deviation
# of intent logits is 0.7, of slot logits 2.5. OpenVINO computes in bfloat16 where it can.
CLOSE = {"saved_model": 1e-5, "litert_float32": 1e-5, "litert_float16": 0.01}
NEAR = {
    "openvino_fp32": 0.1,
    "openvino_fp16": 0.1,
    "litert_dynamic_int8": 0.15,
    "litert_int8": 0.35,
    "litert_int8_mixed": 0.3,
    "openvino_int8": 0.35,
}


def batches(rows_at_once: bool) -> list[Batch]:
    """The rows padded to 8, 16 and 24, all at once or one at a time."""
    groups = [ROWS] if rows_at_once else [[row] for row in ROWS]
    return [batch_of(*group, length=length) for length in (8, 16, 24) for group in groups]


@pytest.fixture(scope="module")
def keras_model(model: Path) -> KerasPredictor:
    return KerasPredictor(model)


def differences(predictor: Predictor, other: Predictor) -> Logits:
    """By output the differences at all that is no padding, over all batches."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in OUTPUTS}
    for batch in batches(predictor.fixed_batch is None):
        logits, expected = predictor(batch), other(batch)
        for name in OUTPUTS:
            assert logits[name].dtype == np.float32
            assert logits[name].shape == expected[name].shape
            difference = logits[name] - expected[name]
            if name == "slot_logits":
                difference = difference[batch["input_mask"] == 1]
            found[name].append(difference.reshape(-1, difference.shape[-1]))
    return {name: np.concatenate(parts) for name, parts in found.items()}


@pytest.mark.parametrize("name", CLOSE)
def test_float_files_give_the_same_logits(
    exported: Path, keras_model: KerasPredictor, name: str
) -> None:
    predictor = open_predictor(exported, name)
    for output, difference in differences(predictor, keras_model).items():
        assert np.abs(difference).max() <= CLOSE[name], output


def test_openvino_fp16_differs_by_its_stored_weights_alone(
    exported: Path, keras_model: KerasPredictor
) -> None:
    path = exported / FORMATS["openvino_fp16"].path
    exact = OpenVinoPredictor(path, "fp16", OUTPUTS, properties={"INFERENCE_PRECISION_HINT": "f32"})
    for output, difference in differences(exact, keras_model).items():
        assert np.abs(difference).max() <= 0.01, output


def test_openvino_fp32_is_exact_where_it_runs_in_float32(
    exported: Path, keras_model: KerasPredictor
) -> None:
    path = exported / FORMATS["openvino_fp32"].path
    exact = OpenVinoPredictor(path, "fp32", OUTPUTS, properties={"INFERENCE_PRECISION_HINT": "f32"})
    for output, difference in differences(exact, keras_model).items():
        assert np.abs(difference).max() <= 1e-5, output


@pytest.mark.parametrize("name", NEAR)
def test_short_numbers_stay_near(exported: Path, keras_model: KerasPredictor, name: str) -> None:
    predictor = open_predictor(exported, name)
    for output, difference in differences(predictor, keras_model).items():
        assert np.sqrt((difference**2).mean()) <= NEAR[name], output


def test_all_formats_are_tested() -> None:
    # The integer form needs a model that was trained for it: tests/export/test_quantized.py.
    assert FORMATS.keys() - {"litert_integer"} == CLOSE.keys() | NEAR.keys()
