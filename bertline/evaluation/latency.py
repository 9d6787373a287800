"""What a model costs to run: wall time and CPU time of calls, after warming up."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bertline.evaluation.predictors import Batch, Logits, Predictor
from bertline.evaluation.results import Timing

WARM_CALLS = 2
Shape = tuple[int, ...]


class Timed:
    """A predictor that notes what each of its calls takes.

    CPU time is that of the whole process, all of its threads together. calls: number of calls so
    far by shape of the batch [texts, length].
    """

    def __init__(self, predictor: Predictor) -> None:
        self.name, self.fixed_batch = predictor.name, predictor.fixed_batch
        self.calls: Counter[Shape] = Counter()
        self._predictor = predictor
        self._wall_ns: list[int] = []
        self._cpu_ns: list[int] = []

    def __call__(self, batch: Batch) -> Logits:
        """The logits of `batch`, as in `Predictor`."""
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        logits = self._predictor(batch)
        self._wall_ns.append(time.perf_counter_ns() - wall)
        self._cpu_ns.append(time.process_time_ns() - cpu)
        self.calls[batch["input_ids"].shape] += 1
        return logits

    @property
    def examples(self) -> int:
        """The texts in all calls so far."""
        return sum(shape[0] * count for shape, count in self.calls.items())

    @property
    def wall_ms(self) -> NDArray[np.float64]:
        """Wall milliseconds [calls]."""
        return np.array(self._wall_ns) / 1e6

    @property
    def cpu_ms(self) -> NDArray[np.float64]:
        """CPU milliseconds [calls]."""
        return np.array(self._cpu_ns) / 1e6


def timing_of(singles: Timed, batched: Timed) -> Timing:
    """The figures of a predictor's calls with single texts, and of those with batches."""
    return Timing(
        calls=len(singles.wall_ms),
        latency_ms_p50=float(np.percentile(singles.wall_ms, 50)),
        latency_ms_p95=float(np.percentile(singles.wall_ms, 95)),
        cpu_ms_per_call=float(singles.cpu_ms.mean()),
        batched_examples=batched.examples,
        throughput_per_second=batched.examples / float(batched.wall_ms.sum() / 1000),
        batched_cpu_ms_per_example=float(batched.cpu_ms.sum()) / batched.examples,
    )


def warm_shapes(
    predictor: Predictor, batches: Sequence[Batch], calls: Mapping[Shape, int] | None = None
) -> None:
    """Runs a batch of every shape among `batches` until it has been run WARM_CALLS times.

    Runtimes prepare for a shape when they first see it. calls: how often each has been run before.
    """
    for shape, batch in {batch["input_ids"].shape: batch for batch in batches}.items():
        for _ in range(WARM_CALLS - (calls or {}).get(shape, 0)):
            predictor(batch)


def time_calls(
    predictor: Predictor, batches: Sequence[Batch]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wall and CPU milliseconds [calls] of each call."""
    timed = Timed(predictor)
    for batch in batches:
        timed(batch)
    return timed.wall_ms, timed.cpu_ms


def rows_of(batch: Batch) -> int:
    """The number of texts in `batch`."""
    return int(batch["input_ids"].shape[0])
