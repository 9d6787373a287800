from collections import Counter

import numpy as np

from bertline.evaluation.latency import Timed, time_calls, timing_of, warm_shapes
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


def timed(predictor: CountingPredictor, batches: list[Batch]) -> Timed:
    found = Timed(predictor)
    for each in batches:
        found(each)
    return found


def test_every_shape_is_warmed_twice() -> None:
    predictor = CountingPredictor()
    warm_shapes(predictor, [batch(1, 8), batch(1, 8), batch(1, 16), batch(4, 8)])
    assert Counter(predictor.shapes) == {(1, 8): 2, (1, 16): 2, (4, 8): 2}


def test_what_has_been_run_before_is_warmed_less() -> None:
    predictor = CountingPredictor()
    before = timed(predictor, [batch(1, 8), *[batch(1, 16)] * 3])
    predictor.shapes.clear()
    warm_shapes(predictor, [batch(1, 8), batch(1, 16), batch(4, 8)], before.calls)
    assert Counter(predictor.shapes) == {(1, 8): 1, (4, 8): 2}


def test_figures_are_positive_and_ordered() -> None:
    predictor = CountingPredictor()
    timing = timing_of(
        timed(predictor, [batch(1, 8)] * 5), timed(predictor, [batch(2, 8), batch(3, 8)])
    )
    assert (timing.calls, timing.batched_examples) == (5, 5)
    assert 0 < timing.latency_ms_p50 <= timing.latency_ms_p95
    assert timing.throughput_per_second > 0
    assert timing.cpu_ms_per_call >= 0
    assert timing.batched_cpu_ms_per_example >= 0


def test_each_call_is_timed_on_its_own() -> None:
    wall_ms, cpu_ms = time_calls(CountingPredictor(), [batch(1, 8)] * 4)
    assert wall_ms.shape == cpu_ms.shape == (4,)
