"""What a model costs to run: wall time and CPU time of calls, after warming up."""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bertline.evaluation.predictors import Batch, Predictor
from bertline.evaluation.results import Timing


def measure(predictor: Predictor, singles: Sequence[Batch], batches: Sequence[Batch]) -> Timing:
    """Latency over `singles` (batches of one text) and throughput over `batches`.

    Every shape is run twice before anything is timed, since runtimes prepare for a shape when
    they first see it. CPU time is that of the whole process, all of its threads together.
    """
    warm_shapes(predictor, [*singles, *batches])
    wall_ms, cpu_ms = time_calls(predictor, singles)
    batches_wall_ms, batches_cpu_ms = time_calls(predictor, batches)
    examples = sum(rows_of(batch) for batch in batches)
    return Timing(
        calls=len(singles),
        latency_ms_p50=float(np.percentile(wall_ms, 50)),
        latency_ms_p95=float(np.percentile(wall_ms, 95)),
        cpu_ms_per_call=float(cpu_ms.mean()),
        batched_examples=examples,
        throughput_per_second=examples / float(batches_wall_ms.sum() / 1000),
        batched_cpu_ms_per_example=float(batches_cpu_ms.sum()) / examples,
    )


def warm_shapes(predictor: Predictor, batches: Sequence[Batch]) -> None:
    """Runs one batch of every shape among `batches`, twice."""
    for batch in {batch["input_ids"].shape: batch for batch in batches}.values():
        predictor(batch)
        predictor(batch)


def time_calls(
    predictor: Predictor, batches: Sequence[Batch]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wall and CPU milliseconds [calls] of each call."""
    wall_ns, cpu_ns = [], []
    for batch in batches:
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        predictor(batch)
        wall_ns.append(time.perf_counter_ns() - wall)
        cpu_ns.append(time.process_time_ns() - cpu)
    return np.array(wall_ns) / 1e6, np.array(cpu_ns) / 1e6


def rows_of(batch: Batch) -> int:
    """The number of texts in `batch`."""
    return int(batch["input_ids"].shape[0])
