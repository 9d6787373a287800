import mmap

import numpy as np
import pytest

from benchmarks.training import base_of, contestants, table
from benchmarks.training_batches import STATIC_LENGTH, StaticBatches, widened
from benchmarks.training_worker import Block, measured
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


def test_a_block_is_measured_per_step() -> None:
    trained: list[int] = []

    def train_block(number: int) -> float:
        trained.append(number)
        # A new mapping: an allocator may hand out memory that the process has touched before.
        with mmap.mmap(-1, 2**20) as pages:
            pages.write(bytes(2**20))
        return 0.5

    block = measured(train_block, 3, steps=2)
    assert trained == [3]
    assert block.loss == 0.5
    assert block.wall_s > 0
    assert block.page_faults > 0


@pytest.mark.parametrize(
    ("has_bfloat16", "has_peers", "names"),
    [
        (False, False, ["ours float32", "ours, random", "ours, 48"]),
        (
            True,
            True,
            [
                *("ours float32", "PyTorch eager float32", "PyTorch compiled float32"),
                *("ours bfloat16", "PyTorch eager bfloat16", "PyTorch compiled bfloat16"),
                *("ours, random", "ours, 48"),
            ],
        ),
    ],
)
def test_who_takes_part(has_bfloat16: bool, has_peers: bool, names: list[str]) -> None:
    assert [each.name for each in contestants(has_bfloat16, has_peers)] == names


def test_each_is_measured_by_pytorch_in_its_precision_or_by_ours() -> None:
    names = [each.name for each in contestants(True, True)]
    assert base_of("ours bfloat16", dict.fromkeys(names)) == "PyTorch eager bfloat16"
    assert base_of("PyTorch compiled float32", dict.fromkeys(names)) == "PyTorch eager float32"
    alone = [each.name for each in contestants(True, False)]
    assert base_of("ours float32", dict.fromkeys(alone)) == "ours float32"
    assert base_of("ours, 48", dict.fromkeys(alone)) == "ours bfloat16"


def test_ratios_are_taken_within_a_round() -> None:
    peer = [Block(0.2, 0.4, 10, 1.5), Block(0.8, 0.4, 30, 1.0), Block(0.8, 0.4, 20, 0.9)]
    blocks = {"ours float32": [Block(0.1, 0.1, 5, 0.8)] * 3, "PyTorch eager float32": peer}
    _, ours, theirs = table(blocks, batch_size=32)
    assert ours.split()[2:] == ["100", "100", "5", "320", "8.00", "320", "4.00", "0.800"]
    assert theirs.split()[3:] == ["800", "400", "20", "40", "1.00", "80", "1.00", "0.900"]
