import math
from typing import Any

import numpy as np
import pytest

from bertline.training.losses import OBJECTIVES, cross_entropy

# Probabilities 1/4 and 3/4.
QUARTERS = [0.0, math.log(3)]


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ([0, 0], math.log(4)),
        ([0, 1], (math.log(4) + math.log(4 / 3)) / 2),
        ([0, -1], math.log(4)),
        ([-1, -1], 0.0),
    ],
)
def test_the_mean_is_over_the_classes_that_count(classes: list[int], expected: float) -> None:
    loss = cross_entropy(np.array([QUARTERS, QUARTERS], np.float32), np.array(classes))
    assert float(loss) == pytest.approx(expected, abs=1e-6)


def test_what_does_not_count_is_not_looked_at() -> None:
    logits = np.array([[QUARTERS, [100.0, -100.0]]], np.float32)
    assert float(cross_entropy(logits, np.array([[1, -1]]))) == pytest.approx(math.log(4 / 3))


def test_half_precision_is_left_for_float32() -> None:
    loss = cross_entropy(np.array([QUARTERS], np.float16), np.array([0]))
    assert np.asarray(loss).dtype == np.float32


def test_intent_slots_adds_both_losses() -> None:
    objective = OBJECTIVES["intent_slots"]
    targets: dict[str, Any] = {
        "intent_id": np.array([[0], [1]]),
        "tag_ids": np.array([[-1, 1, 0], [-1, 1, -1]]),
    }
    outputs = {
        "intent_logits": np.array([QUARTERS, QUARTERS], np.float32),
        "slot_logits": np.broadcast_to(np.array(QUARTERS, np.float32), (2, 3, 2)),
    }
    intent = (math.log(4) + math.log(4 / 3)) / 2
    slots = (math.log(4 / 3) + math.log(4) + math.log(4 / 3)) / 3
    assert float(objective.loss(targets, outputs)) == pytest.approx(intent + slots, abs=1e-6)
    assert objective.classes.keys() == outputs.keys()
    assert {*objective.example_targets, *objective.token_targets} == targets.keys()
