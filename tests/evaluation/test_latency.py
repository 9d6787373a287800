from collections import Counter

import numpy as np

from bertline.evaluation.latency import measure, time_calls
from bertline.evaluation.predictors import Batch, Logits


class CountingPredictor:
    name = "toy"
    fixed_batch: int | None = None

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, batch: Batch) -> Logits:
        self.shapes.append(batch["input_ids"].shape)
        return {}


def batch(rows: int, length: int) -> Batch:
    return {"input_ids": np.zeros((rows, length), np.int32)}


def test_every_shape_is_warmed_twice_before_the_timed_calls() -> None:
    predictor = CountingPredictor()
    singles = [batch(1, 8), batch(1, 8), batch(1, 16)]
    timing = measure(predictor, singles, [batch(4, 8), batch(2, 16)])
    timed = [(1, 8), (1, 8), (1, 16), (4, 8), (2, 16)]
    assert predictor.shapes[-5:] == timed
    assert Counter(predictor.shapes[:-5]) == dict.fromkeys(timed, 2)
    assert (timing.calls, timing.batched_examples) == (3, 6)


def test_figures_are_positive_and_ordered() -> None:
    timing = measure(CountingPredictor(), [batch(1, 8)] * 5, [batch(2, 8)] * 3)
    assert 0 < timing.latency_ms_p50 <= timing.latency_ms_p95
    assert timing.throughput_per_second > 0
    assert timing.cpu_ms_per_call >= 0
    assert timing.batched_cpu_ms_per_example >= 0


def test_each_call_is_timed_on_its_own() -> None:
    wall_ms, cpu_ms = time_calls(CountingPredictor(), [batch(1, 8)] * 4)
    assert wall_ms.shape == cpu_ms.shape == (4,)
