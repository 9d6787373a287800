from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from benchmarks.calls import BATCH_SIZE, Calls
from benchmarks.peer_workers import convert, largest_difference
from benchmarks.runtimes import contestants
from benchmarks.speed import (
    COMPARISONS,
    SAME,
    comparison_table,
    latency_table,
    ratio,
    throughput_table,
)
from benchmarks.worker import Block, Worker
from bertline.artifacts import write_json
from bertline.evaluation.predictors import Logits
from bertline.modeling.weights import save_weights
from tests.toy_model import write_toy_folder
from tests.training.toys import SPEC, encoder_weights, toy_features


def blocks(*cpu_ms: float) -> list[Block]:
    return [Block(wall_ms=2 * ms, cpu_ms=ms, call_ms_p50=ms) for ms in cpu_ms]


def test_calls_have_the_lengths_that_are_asked_for() -> None:
    features = toy_features([5, 12, 9])
    calls = Calls.of(features)
    assert [call["input_ids"].shape for call in calls.singles] == [(1, 8), (1, 16), (1, 16)]
    assert [call["input_ids"].shape for call in calls.batches] == [(3, 12)]
    real = Calls.of(features, lambda longest, rows: longest, np.int64)
    assert [call["input_mask"].shape for call in real.singles] == [(1, 5), (1, 12), (1, 9)]
    assert real.batches[0]["segment_ids"].dtype == np.int64


def test_batches_are_sorted_by_length() -> None:
    lengths = [5] * BATCH_SIZE + [30] * BATCH_SIZE
    batches = Calls.of(toy_features(lengths)).batches
    assert [call["input_ids"].shape for call in batches] == [(BATCH_SIZE, 30), (BATCH_SIZE, 6)]


def test_calls_are_read_as_they_were_written(tmp_path: Path) -> None:
    calls = Calls.of(toy_features([5, 12, 9] * 20), dtype=np.int64)
    calls.write(tmp_path / "calls.npz")
    read = Calls.read(tmp_path / "calls.npz")
    for written, found in ((calls.singles, read.singles), (calls.batches, read.batches)):
        for one, other in zip(written, found, strict=True):
            assert one.keys() == other.keys()
            assert all(np.array_equal(one[name], other[name]) for name in one)
            assert all(array.dtype == np.int64 for array in other.values())


def test_padding_is_not_compared() -> None:
    masks = [np.array([[True, False]])]
    ours: list[Logits] = [
        {"intent": np.zeros((1, 2), np.float32), "slot": np.zeros((1, 2, 2), np.float32)}
    ]
    theirs: list[Logits] = [
        {
            "intent": np.array([[0, -0.5]], np.float32),
            "slot": np.array([[[0, 2], [9, 9]]], np.float32),
        }
    ]
    assert largest_difference(ours, theirs, masks) == 2
    theirs[0]["intent"][0, 0] = 3
    assert largest_difference(ours, theirs, masks) == 3


def test_ratios_are_medians_of_those_within_a_round() -> None:
    measured = {"a": blocks(1, 10, 100), "b": blocks(2, 10, 10)}
    assert ratio(measured, "a", "b", "cpu_ms") == 1
    assert ratio(measured, "b", "a", "wall_ms") == 1


def test_tables_tell_speeds_against_the_base() -> None:
    measured = {"base": blocks(4, 4, 4), "mine": blocks(1, 2, 2)}
    assert latency_table(measured, "base")[-1].split() == [
        "mine",
        *["2.00", "4.00", "2.00", "2.00", "2.00"],
    ]
    assert throughput_table(measured, "base")[-1].split() == ["mine", "250", "2.00", "500", "2.00"]


def test_only_those_that_are_there_are_compared() -> None:
    measured = {"litert_float32": blocks(6), "litert_dynamic_int8": blocks(2)}
    _, line = comparison_table(measured, measured)
    assert line.split()[-4:] == ["3.00", "3.00", "≥", "2.5"]
    everyone = {name: blocks(1) for each in COMPARISONS for name in (each.over, each.under)}
    assert SAME in everyone
    assert len(comparison_table(everyone, everyone)) == 1 + len(COMPARISONS)


def test_peers_that_cannot_be_had_are_left_out_with_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    write_json(model / "model.json", SPEC.model_dump())
    head = {"intent_dense/bias": np.zeros(2, np.float32)}
    save_weights(encoder_weights() | head, model / "weights.safetensors")
    missing = str(tmp_path / "no-python")
    assert not convert(tmp_path / "peers", model, toy_features([5, 9]), missing)
    assert f"left out: {missing} failed" in capsys.readouterr().out.splitlines()[-1]
    # What they would have been given.
    assert sorted(path.name for path in (tmp_path / "peers").iterdir()) == [
        "calibration.npz",
        "config.json",
        "head.safetensors",
        "model.safetensors",
    ]


@pytest.fixture(scope="module")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_toy_folder(folder)
    return folder


def test_litert_is_left_out_where_runtimes_are_limited(toy_folder: Path) -> None:
    names = contestants(toy_folder, is_limited=False)
    assert "litert_dynamic_int8" in names
    limited = contestants(toy_folder, is_limited=True)
    assert limited == [name for name in names if not name.startswith("litert")]
    assert limited


def test_a_worker_answers_from_a_process_of_its_own(toy_folder: Path) -> None:
    calls = Calls.of(toy_features([5, 12, 9]))
    with closing(Worker("exported", toy_folder, "openvino_int8", calls, threads=1)) as worker:
        assert min(worker.latency().cpu_ms, worker.throughput().wall_ms) >= 0
        (logits,) = worker.logits()
    assert logits["intent_logits"].shape == (3, 2)
    assert logits["slot_logits"].shape == (3, 12, 5)


def test_a_worker_that_ends_says_why(toy_folder: Path) -> None:
    calls = Calls.of(toy_features([5]))
    with pytest.raises(SystemExit, match="openvino_int9: .*no exported file 'openvino_int9'"):
        Worker("exported", toy_folder, "openvino_int9", calls, threads=1)
