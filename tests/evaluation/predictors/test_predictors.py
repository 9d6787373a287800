from pathlib import Path

import numpy as np
import pytest

from bertline.errors import CheckpointError
from bertline.evaluation.predictors import Batch, Predictor, open_predictor, predictor_names, warm

NAMES = ["openvino_int8", "litert_dynamic_int8", "saved_model"]
CLS, SEP, PLAY, RATE, JAZZ = 2, 3, 4, 5, 7


@pytest.fixture(params=NAMES)
def predictor(request: pytest.FixtureRequest, toy_folder: Path) -> Predictor:
    return open_predictor(toy_folder, request.param)


def batch_of(ids: list[int], length: int) -> Batch:
    padded = np.zeros((3, 1, length), np.int32)
    padded[0, 0, : len(ids)] = ids
    padded[1, 0, : len(ids)] = 1
    return dict(zip(("input_ids", "input_mask", "segment_ids"), padded, strict=True))


def test_names_are_those_of_exports_json(toy_folder: Path) -> None:
    assert sorted(predictor_names(toy_folder)) == sorted(NAMES)


def test_logits_come_by_name_as_worked_out_by_hand(predictor: Predictor) -> None:
    logits = predictor(batch_of([CLS, PLAY, JAZZ, SEP], length=8))
    assert set(logits) == {"intent_logits", "slot_logits"}
    assert logits["intent_logits"].tolist() == [[2, 0]]
    expected = np.zeros((1, 8, 5))
    expected[0, 2, 3] = 4
    assert logits["slot_logits"].tolist() == expected.tolist()
    assert {array.dtype for array in logits.values()} == {np.dtype(np.float32)}


def test_padding_changes_nothing(predictor: Predictor) -> None:
    ids = [CLS, RATE, JAZZ, PLAY, SEP]
    short, long = (predictor(batch_of(ids, length)) for length in (8, 24))
    assert short["intent_logits"].tolist() == long["intent_logits"].tolist() == [[2, 3]]
    assert short["slot_logits"][0, :5].tolist() == long["slot_logits"][0, :5].tolist()


def test_rows_of_a_batch_are_answered_apart(predictor: Predictor) -> None:
    batches = [batch_of([CLS, word, SEP], length=8) for word in (PLAY, RATE, JAZZ)]
    if predictor.fixed_batch == 1:
        intents = [predictor(batch)["intent_logits"][0].tolist() for batch in batches]
    else:
        batch = {name: np.concatenate([each[name] for each in batches]) for name in batches[0]}
        intents = predictor(batch)["intent_logits"].tolist()
    assert intents == [[2, 0], [0, 3], [0, 0]]


def test_what_was_returned_stays_as_it_is(predictor: Predictor) -> None:
    first = predictor(batch_of([CLS, PLAY, SEP], length=8))
    before = {name: array.copy() for name, array in first.items()}
    predictor(batch_of([CLS, RATE, JAZZ, SEP], length=8))
    assert all(np.array_equal(first[name], before[name]) for name in before)


def test_lengths_may_come_in_any_order_and_number(predictor: Predictor) -> None:
    warm(predictor, range(8, 128, 8))
    for length in [8, 120, 8, *range(120, 0, -8), 64]:
        logits = predictor(batch_of([CLS, RATE, JAZZ, SEP], length))
        assert logits["intent_logits"].tolist() == [[0, 3]]
        assert logits["slot_logits"].shape == (1, length, 5)


def test_litert_with_one_affordable_interpreter_resizes_it(
    toy_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bertline.evaluation.predictors.litert.MAX_BYTES_OF_WEIGHTS", 1)
    predictor = open_predictor(toy_folder, "litert_dynamic_int8", num_threads=1)
    for length in (8, 16, 8, 8, 32):
        logits = predictor(batch_of([CLS, PLAY, SEP], length))
        assert logits["intent_logits"].tolist() == [[2, 0]]
        assert logits["slot_logits"].shape == (1, length, 5)


def test_openvino_properties_are_passed_on(toy_folder: Path) -> None:
    from bertline.errors import ConfigError
    from bertline.evaluation.predictors.openvino import OpenVinoPredictor

    path, outputs = toy_folder / "openvino_int8/model.xml", ("intent_logits",)
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    exact = OpenVinoPredictor(path, "toy", outputs, num_threads=1, properties=hint)
    logits = exact(batch_of([CLS, PLAY, SEP], length=8))
    assert {name: array.tolist() for name, array in logits.items()} == {"intent_logits": [[2, 0]]}
    with pytest.raises(ConfigError, match="NO_SUCH_PROPERTY"):
        OpenVinoPredictor(path, "toy", outputs, properties={"NO_SUCH_PROPERTY": 1})


def test_keras_runs_the_saved_weights(toy_folder: Path, tmp_path: Path) -> None:
    from bertline.evaluation.predictors.keras import KerasPredictor
    from bertline.modeling.config import ModelSpec
    from bertline.modeling.model import build_model
    from bertline.modeling.weights import save_weights, tensors_of

    model = build_model(ModelSpec.read(toy_folder))
    (tmp_path / "model.json").write_bytes((toy_folder / "model.json").read_bytes())
    with pytest.raises(CheckpointError, match=r"weights\.safetensors: no such file"):
        KerasPredictor(tmp_path)
    save_weights(tensors_of(model.weights), tmp_path / "weights.safetensors")
    predictor = KerasPredictor(tmp_path)
    batch = batch_of([CLS, PLAY, JAZZ, SEP], length=8)
    expected = model(batch, training=False)
    for name, logits in predictor(batch).items():
        np.testing.assert_allclose(logits, np.asarray(expected[name]), atol=1e-6)
