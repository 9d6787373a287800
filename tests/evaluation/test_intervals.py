import numpy as np
import pytest

from bertline.evaluation.intervals import drop_intervals, resampled_sums
from bertline.evaluation.metrics import Counts
from bertline.evaluation.results import Interval


def counts(rows: list[list[int]]) -> Counts:
    return np.array(rows, np.int64)


def intents(rights: list[int]) -> Counts:
    return counts([[1, right, right, 0, 0, 0] for right in rights])


def test_sums_are_those_of_the_drawn_rows() -> None:
    values = counts([[1, 10], [1, 200], [1, 3000]])
    drawn = resampled_sums(values, samples=1500, seed=3)
    picks = np.random.default_rng(3).integers(0, 3, (1000, 3))
    assert drawn.shape == (1500, 2)
    assert (drawn[:, 0] == 3).all()
    assert (drawn[:1000, 1] == values[:, 1][picks].sum(axis=1)).all()


def test_equal_answers_have_no_drop_and_no_width() -> None:
    same = [intents([1, 0, 1, 1])]
    interval = drop_intervals(same, same, ["intent_accuracy"], samples=200)["intent_accuracy"]
    assert (interval.estimate, interval.low, interval.high) == (0, 0, 0)


def test_a_drop_on_every_example_has_no_width() -> None:
    drop = drop_intervals([intents([1] * 5)], [intents([0] * 5)], ["intent_accuracy"], 100)
    assert drop["intent_accuracy"].model_dump() == {"estimate": 100, "low": 100, "high": 100}


def test_limits_are_the_quantiles_of_the_binomial() -> None:
    # 20 of 100 examples are lost: the number lost in a draw is binomial(100, 0.2), whose 2.5 %
    # and 97.5 % quantiles are 12 and 28.
    lost = [0] * 20 + [1] * 80
    drop = drop_intervals([intents([1] * 100)], [intents(lost)], ["intent_accuracy"])
    interval = drop["intent_accuracy"]
    assert interval.estimate == pytest.approx(20)
    assert interval.low == pytest.approx(12, abs=1)
    assert interval.high == pytest.approx(28, abs=1)


def test_pairing_removes_what_both_get_wrong() -> None:
    # Both fail on the same half; without pairing the interval would be about ±14 points wide.
    rights = [0, 1] * 50
    candidate = [*rights[:-1], 0]
    drop = drop_intervals([intents(rights)], [intents(candidate)], ["intent_accuracy"])
    interval = drop["intent_accuracy"]
    assert interval.estimate == pytest.approx(1)
    assert interval.low == 0
    assert interval.high == pytest.approx(3)


def test_f1_drop_by_hand() -> None:
    reference = counts([[1, 1, 1, 2, 2, 2], [1, 1, 1, 2, 2, 2]])
    candidate = counts([[1, 1, 1, 2, 2, 2], [1, 1, 0, 0, 2, 2]])
    drop = drop_intervals([reference], [candidate], ["slot_f1"], samples=2000)["slot_f1"]
    # draws: the good one twice (drop 0, ¼), one of each (50, ½), the bad one twice (100, ¼)
    assert (drop.estimate, drop.low, drop.high) == (50, 0, 100)


def test_seeds_are_pooled_example_by_example() -> None:
    # The second seed repeats the first: as much is known about the utterances as from one.
    reference, candidate = intents([1] * 40), intents([0] * 10 + [1] * 30)
    once = drop_intervals([reference], [candidate], ["intent_accuracy"])
    twice = drop_intervals([reference] * 2, [candidate] * 2, ["intent_accuracy"])
    assert once == twice
    # Seeds that fail on different utterances average out.
    other = drop_intervals([reference] * 2, [candidate, reference], ["intent_accuracy"])
    assert other["intent_accuracy"].estimate == pytest.approx(12.5)


def test_the_seed_decides() -> None:
    reference, candidate = intents([1, 1, 0, 1] * 9), intents([1, 0, 1, 1] * 9)

    def interval(seed: int) -> Interval:
        drops = drop_intervals([reference], [candidate], ["intent_accuracy"], 50, seed)
        return drops["intent_accuracy"]

    assert interval(1) == interval(1)
    assert interval(1) != interval(2)
