"""LiteRT files that are made for one length, and outputs in integers."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bertline.errors import DataError
from bertline.evaluation.predictors import Batch, warm
from bertline.evaluation.predictors.litert import SIGNATURE, LiteRtPredictor
from bertline.features.batches import MODEL_INPUTS

LENGTH, SCALE, ZERO_POINT = 6, 0.5, -3


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose slot_logits are [ids, 10 · ids] and intent_logits the sum of unmasked ids."""

    class Fixed(tf.Module):  # type: ignore[misc]
        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[tf.TensorSpec([1, LENGTH], tf.int32, name) for name in MODEL_INPUTS]
        )
        def serve(
            self, ids: tf.Tensor, mask: tf.Tensor, segments: tf.Tensor
        ) -> dict[str, tf.Tensor]:
            values = tf.cast(ids, tf.float32)
            return {
                "slot_logits": tf.stack([values, 10 * values], axis=-1),
                "intent_logits": tf.reduce_sum(tf.cast(ids * mask + 0 * segments, tf.float32), 1),
            }

    folder = tmp_path_factory.mktemp("fixed")
    module = Fixed()
    tf.saved_model.save(module, str(folder / "saved"), signatures={SIGNATURE: module.serve})
    path = folder / "fixed.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved")).convert())
    return path


def batch_of(ids: list[int], length: int) -> Batch:
    padded = np.zeros((3, 1, length), np.int32)
    padded[0, 0, : len(ids)] = ids
    padded[1, 0, : len(ids)] = 1
    return dict(zip(MODEL_INPUTS, padded, strict=True))


@pytest.fixture
def predictor(fixed: Path) -> LiteRtPredictor:
    return LiteRtPredictor(fixed, "fixed", ("intent_logits", "slot_logits"))


@pytest.mark.parametrize("length", [3, 6, 8])
def test_texts_are_padded_to_the_length_of_the_file(
    predictor: LiteRtPredictor, length: int
) -> None:
    logits = predictor(batch_of([2, 5, 3], length))
    assert logits["intent_logits"].tolist() == [10]
    assert logits["slot_logits"].shape == (1, length, 2)
    assert logits["slot_logits"][0, :3].tolist() == [[2, 20], [5, 50], [3, 30]]


def test_a_longer_text_is_told(predictor: LiteRtPredictor) -> None:
    with pytest.raises(DataError, match="fixed: made for 6 tokens, a text has 7; export it for"):
        predictor(batch_of([2, 5, 5, 5, 5, 5, 3], 8))


def test_warming_up_is_no_text(predictor: LiteRtPredictor) -> None:
    warm(predictor, (4, 8))


def test_integers_become_what_they_stand_for(
    predictor: LiteRtPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for detail in predictor._outputs.values():
        monkeypatch.setitem(detail, "quantization", (SCALE, ZERO_POINT))
    logits = predictor(batch_of([2, 5, 3], LENGTH))
    assert logits["intent_logits"].tolist() == [(10 - ZERO_POINT) * SCALE]
    assert logits["intent_logits"].dtype == np.float32
