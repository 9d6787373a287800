import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertline.drift.measures import entropy, js_distance, majority, missing

COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 50), min_size=1)


def test_equal_shares_are_at_0_and_what_shares_nothing_at_1() -> None:
    assert js_distance({"a": 1, "b": 3}, {"a": 10, "b": 30}) == 0
    assert js_distance({"a": 5}, {"b": 7}) == 1


def test_distance_by_hand() -> None:
    # P = (1, 0), Q = (1/2, 1/2), M = (3/4, 1/4): H(M) − (0 + 1)/2
    mixed = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    assert js_distance({"a": 4}, {"a": 2, "b": 2}) == pytest.approx(math.sqrt(mixed - 0.5))


def test_nothing_is_at_0_from_nothing_and_at_1_from_the_rest() -> None:
    assert js_distance({}, {"a": 0}) == 0
    assert js_distance({}, {"a": 1}) == js_distance({"a": 1}, {}) == 1


@given(COUNTS, COUNTS, COUNTS)
def test_it_is_a_metric(
    first: dict[str, int], second: dict[str, int], third: dict[str, int]
) -> None:
    direct = js_distance(first, third)
    assert 0 <= direct <= 1 + 1e-12
    assert direct == pytest.approx(js_distance(third, first))
    assert direct <= js_distance(first, second) + js_distance(second, third) + 1e-9


def test_entropy_of_a_fair_coin_is_one_bit() -> None:
    assert entropy([0.5, 0.5]) == 1
    assert entropy([1.0, 0.0]) == 0


def test_majority_and_missing() -> None:
    assert majority({"a": 1, "b": 3}) == 0.75
    assert majority({}) == 0
    assert missing({"a": 1, "b": 3}, {"b": 1, "c": 1}) == 0.25
    assert missing({"a": 1, "b": 3}, {"a": 1, "b": 0}) == 0.75
    assert missing({}, {"a": 1}) == 0
