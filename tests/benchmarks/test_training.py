import numpy as np

from benchmarks.training import STATIC_LENGTH, StaticBatches, widened
from bertline.training.losses import OBJECTIVES
from tests.training.toys import toy_features


def test_widening_pads_as_batches_are_padded() -> None:
    array = np.array([[5, 6]], np.int32)
    assert widened("input_ids", array, 4).tolist() == [[5, 6, 0, 0]]
    assert widened("tag_ids", array, 4).tolist() == [[5, 6, -1, -1]]
    assert widened("tag_ids", array, 2).dtype == np.int32


def test_static_batches_have_one_length() -> None:
    features = toy_features([4, 9, 17, 6])
    batches = StaticBatches(features, OBJECTIVES["intent_slots"], 2, total_steps=2, seed=1)
    for inputs, targets in (batches[step] for step in range(2)):
        assert {array.shape for array in inputs.values()} == {(2, STATIC_LENGTH)}
        assert targets["tag_ids"].shape == (2, STATIC_LENGTH)
        assert targets["intent_id"].shape == (2, 1)
        assert (targets["tag_ids"][inputs["input_mask"] == 0] == -1).all()
