import itertools
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from bertline.features.batches import FeatureSet
from bertline.training import batches as batches_module
from bertline.training.batches import TrainingBatches, own_rows
from bertline.training.losses import NOT_COUNTED, OBJECTIVES
from tests.training.toys import toy_record

OBJECTIVE = OBJECTIVES["intent_slots"]
LENGTHS = np.random.default_rng(3).integers(3, 40, 203).tolist()
BATCH_SIZE, STEPS_PER_EPOCH = 8, 26


def numbered(lengths: list[int]) -> FeatureSet:
    """Example n has the words n, n, …, so that it is known in every batch."""
    return FeatureSet.of(
        toy_record(f"e{number}", [number] * (length - 2))
        for number, length in enumerate(lengths, start=4)
    )


FEATURES = numbered(LENGTHS)


def batches(first_step: int = 0, seed: int = 1, **changes: Any) -> TrainingBatches:
    steps = 3 * STEPS_PER_EPOCH
    return TrainingBatches(FEATURES, OBJECTIVE, BATCH_SIZE, steps, seed, first_step, **changes)


def numbers(batch: tuple[dict[str, Any], dict[str, Any]]) -> list[int]:
    found: list[int] = batch[0]["input_ids"][:, 1].tolist()
    return found


def equal(one: tuple[dict[str, Any], ...], other: tuple[dict[str, Any], ...]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(a.keys() == b.keys() and all((a[k] == b[k]).all() for k in a) for a, b in pairs)


def test_every_example_comes_once_an_epoch() -> None:
    made = batches()
    assert (len(made), made.steps_per_epoch) == (3 * STEPS_PER_EPOCH, STEPS_PER_EPOCH)
    orders = []
    for epoch in range(3):
        steps = range(epoch * STEPS_PER_EPOCH, (epoch + 1) * STEPS_PER_EPOCH)
        order = [numbers(made[step]) for step in steps]
        assert sorted(map(len, order)) == [3, *[BATCH_SIZE] * 25]
        assert sorted(itertools.chain(*order)) == list(range(4, 207))
        orders.append(order)
    assert orders[0] != orders[1] != orders[2]


@pytest.mark.parametrize("first_step", [1, 25, 26, 40, 77])
def test_a_run_continues_with_the_batches_it_would_have_had(first_step: int) -> None:
    whole, rest = batches(), batches(first_step)
    assert len(rest) == len(whole) - first_step
    assert all(equal(rest[i], whole[first_step + i]) for i in range(len(rest)))
    # Whatever was asked for before.
    assert equal(whole[3], batches()[3])


def test_another_seed_gives_another_order() -> None:
    assert equal(batches(seed=2)[0], batches(seed=2)[0])
    assert numbers(batches(seed=2)[0]) != numbers(batches()[0])


@pytest.mark.parametrize("multiple", [2, 8])
def test_batches_are_padded_to_a_multiple_of_their_longest(
    monkeypatch: pytest.MonkeyPatch, multiple: int
) -> None:
    monkeypatch.setattr(batches_module, "length_multiple", lambda: multiple)
    made = batches()
    for step in range(STEPS_PER_EPOCH):
        inputs, targets = made[step]
        rows, length = inputs["input_ids"].shape
        longest = inputs["input_mask"].sum(axis=1).max()
        assert length % multiple == 0
        assert length - multiple < longest <= length
        assert targets["tag_ids"].shape == (rows, length)
        assert targets["intent_id"].shape == (rows, 1)
        assert (targets["tag_ids"][inputs["input_mask"] == 0] == -1).all()


def test_sorting_saves_most_of_the_padding() -> None:
    def padding(made: TrainingBatches) -> int:
        masks = [made[step][0]["input_mask"] for step in range(STEPS_PER_EPOCH)]
        return int(sum((mask == 0).sum() for mask in masks))

    assert padding(batches()) < 0.4 * padding(batches(batches_per_window=1))


def test_windows_are_permuted_and_not_the_whole() -> None:
    made = batches(batches_per_window=2)
    order = [made[step][0]["input_mask"].sum(axis=1) for step in range(STEPS_PER_EPOCH)]
    assert {len(set(lengths.tolist())) for lengths in order} != {1}
    assert all((np.diff(lengths) >= 0).all() for lengths in order)


def test_the_stream_takes_any_lengths_after_two_equal_ones() -> None:
    features = numbered([8] * 56 + [24] * 8)
    made = TrainingBatches(features, OBJECTIVE, 8, total_steps=8, seed=1)
    lengths = [made[step][0]["input_ids"].shape[1] for step in range(8)]
    assert lengths[:2] == [8, 8]
    assert 24 in lengths
    stream = made.stream()
    assert stream.cardinality() == 8
    streamed = [
        tuple({name: array.numpy() for name, array in part.items()} for part in batch)
        for batch in stream
    ]
    assert all(equal(batch, made[step]) for step, batch in enumerate(streamed))


def shares(
    monkeypatch: pytest.MonkeyPatch, rows: int, devices: int, processes: int
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The first batch of so many rows, as each process gets it."""
    batch = TrainingBatches(FEATURES, OBJECTIVE, rows, total_steps=1, seed=1)[0]
    parts = []
    for process in range(processes):
        distribution = SimpleNamespace(
            num_model_replicas=devices, num_processes=processes, data_shard_id=process
        )
        monkeypatch.setattr(keras.distribution, "distribution", lambda found=distribution: found)
        parts.append(own_rows(*batch))
    return parts


def test_processes_share_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = TrainingBatches(FEATURES, OBJECTIVE, 8, total_steps=1, seed=1)[0]
    parts = shares(monkeypatch, rows=8, devices=4, processes=2)
    for side, arrays in enumerate(whole):
        for name, array in arrays.items():
            first, second = (part[side][name] for part in parts)
            assert (first == array[:4]).all() and (second == array[4:]).all()


def test_what_fills_a_batch_up_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    [first, second] = shares(monkeypatch, rows=5, devices=4, processes=2)
    assert [len(array) for part in first + second for array in part.values()] == [4] * 10
    inputs, targets = second
    assert inputs["input_mask"].any(axis=1).tolist() == [True, False, False, False]
    assert all((array[1:] == NOT_COUNTED).all() for array in targets.values())
    assert all((array[0] != NOT_COUNTED).any() for array in targets.values())
