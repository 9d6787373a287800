import numpy as np
import pytest

from bertline.evaluation.forward import batches, forward, padded_length
from bertline.features.batches import FeatureSet
from bertline.features.records import read_features
from tests.evaluation.toy_material import TablePredictor, write_material


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> FeatureSet:
    return read_features(write_material(tmp_path_factory.mktemp("forward"))[1], "test")


def test_batches_are_sorted_by_length_and_rounded_up(features: FeatureSet) -> None:
    assert features.lengths.tolist() == [5, 6, 8]
    found = [(rows.tolist(), batch) for rows, batch in batches(features, np.arange(3), 2)]
    assert [rows for rows, _ in found] == [[2, 1], [0]]
    assert [batch["input_ids"].shape for _, batch in found] == [(2, 8), (1, 8)]
    assert {batch[name].dtype for _, batch in found for name in batch} == {np.dtype(np.int32)}


@pytest.mark.parametrize(
    ("longest", "rows", "padded"), [(1, 1, 8), (9, 1, 16), (1, 2, 2), (9, 32, 10), (10, 2, 10)]
)
def test_batches_are_padded_less_than_single_texts(longest: int, rows: int, padded: int) -> None:
    assert padded_length(longest, rows) == padded


def test_logits_come_in_the_order_of_rows_without_padding(features: FeatureSet) -> None:
    counted: list[int] = []
    rows = np.array([2, 0])
    logits = forward(TablePredictor(), features, rows, 2, counted.append)
    assert [of_row["slot_logits"].shape for of_row in logits] == [(8, 5), (5, 5)]
    assert [of_row["intent_logits"].tolist() for of_row in logits] == [[2, 0], [2, 0]]
    assert all(np.isfinite(of_row["slot_logits"]).all() for of_row in logits)
    assert counted == [2]


def test_a_fixed_batch_is_kept(features: FeatureSet) -> None:
    predictor = TablePredictor(fixed_batch=1)
    forward(predictor, features, np.arange(3), 32)
    assert predictor.shapes == [(1, 8)] * 3


def test_no_rows_give_no_logits(features: FeatureSet) -> None:
    assert forward(TablePredictor(), features, np.arange(0), 2) == []
