import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertline.features.batches import (
    FeatureSet,
    Ragged,
    Record,
    length_sorted_batches,
    pad_batch,
    round_up,
)


def record(id: str, **columns: list[int]) -> Record:
    return Record(id, {name: np.array(values, np.int32) for name, values in columns.items()})


FEATURES = FeatureSet.of(
    [
        record("a", input_ids=[2, 7, 3], tag_ids=[-1, 4, -1]),
        record("b", input_ids=[2, 3], tag_ids=[-1, -1]),
        record("c", input_ids=[2, 8, 9, 3], tag_ids=[-1, 0, 5, -1]),
    ]
)


def test_columns_keep_the_rows() -> None:
    assert FEATURES.ids == ["a", "b", "c"]
    assert len(FEATURES) == len(FEATURES.columns["tag_ids"]) == 3
    assert FEATURES.lengths.tolist() == [3, 2, 4]
    assert FEATURES.columns["input_ids"][2].tolist() == [2, 8, 9, 3]
    assert FEATURES.record(0).id == "a"
    assert FEATURES.record(0)["tag_ids"].tolist() == [-1, 4, -1]


def test_pad_batch_pads_each_column_in_its_way() -> None:
    names = ["input_ids", "input_mask", "segment_ids", "tag_ids"]
    batch = pad_batch(FEATURES, [2, 1], names, length=5)
    assert {name: array.tolist() for name, array in batch.items()} == {
        "input_ids": [[2, 8, 9, 3, 0], [2, 3, 0, 0, 0]],
        "input_mask": [[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]],
        "segment_ids": [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0]],
        "tag_ids": [[-1, 0, 5, -1, -1], [-1, -1, -1, -1, -1]],
    }
    assert {array.dtype for array in batch.values()} == {np.dtype(np.int32)}


def test_segment_ids_of_the_examples_are_used() -> None:
    features = FeatureSet.of([record("a", input_ids=[2, 7, 3], segment_ids=[0, 1, 1])])
    assert pad_batch(features, [0], ["segment_ids"], 4)["segment_ids"].tolist() == [[0, 1, 1, 0]]


def test_a_row_is_never_cut() -> None:
    with pytest.raises(AssertionError, match="rows of 4 > length 3"):
        pad_batch(FEATURES, [0, 2], ["input_ids"], length=3)


def test_nothing_is_a_feature_set_too() -> None:
    empty = FeatureSet.of([])
    assert len(empty) == 0
    assert empty.lengths.tolist() == []
    assert list(length_sorted_batches(empty.lengths, 4)) == []


@given(st.lists(st.lists(st.integers(-5, 99), max_size=9), max_size=9))
def test_ragged_gives_back_its_rows(rows: list[list[int]]) -> None:
    ragged = Ragged.of([np.array(row, np.int32) for row in rows])
    assert [ragged[i].tolist() for i in range(len(ragged))] == rows
    assert ragged.lengths.tolist() == [len(row) for row in rows]


def test_round_up() -> None:
    assert [round_up(n) for n in (1, 8, 9, 16)] == [8, 8, 16, 16]
    assert round_up(7, multiple=5) == 10


def test_batches_come_longest_first_and_in_order_where_equal() -> None:
    batches = list(length_sorted_batches(np.array([3, 9, 3, 5, 9]), batch_size=2))
    assert [batch.tolist() for batch in batches] == [[1, 4], [3, 0], [2]]
