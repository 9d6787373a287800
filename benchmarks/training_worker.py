"""A contestant of benchmarks.training in a process of its own: bertline's `fit`, or PyTorch.

    python -m benchmarks.training_worker KIND PRECISION FOLDER THREADS

Reads numbers of blocks, one per line, from standard input; trains each block and answers with a
line of JSON. FOLDER is what benchmarks.training prepared.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertline.training.settings import Precision

SETTINGS_FILE = "settings.json"

TrainBlock = Callable[[int], float]
"""Trains the block of this number; the mean loss of its steps."""


@dataclass(frozen=True)
class Block:
    """What one step of a block took: seconds of the clock and of all threads, page faults."""

    wall_s: float
    cpu_s: float
    page_faults: float
    loss: float


def measured(train_block: TrainBlock, number: int, steps: int) -> Block:
    """Trains a block of so many steps."""
    start = _clocks()
    loss = train_block(number)
    wall_s, cpu_s, page_faults = ((_clocks() - start) / steps).tolist()
    return Block(wall_s, cpu_s, page_faults, loss)


def _clocks() -> NDArray[np.float64]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return np.array(
        [time.perf_counter(), usage.ru_utime + usage.ru_stime, usage.ru_minflt], np.float64
    )


def _ours(folder: Path, kind: str, precision: Precision, steps: int) -> TrainBlock:
    from benchmarks.training_batches import BATCHES, TrainingSet

    return TrainingSet.read(folder).trainer(BATCHES[kind], precision, steps)


def _torch(folder: Path, kind: str, precision: Precision, steps: int) -> TrainBlock:
    from benchmarks.training_peer import trainer

    return trainer(folder, kind == "compile", precision == "bfloat16", steps)


KINDS: dict[str, Callable[[Path, str, Precision, int], TrainBlock]] = {
    "buckets": _ours,
    "random": _ours,
    "static": _ours,
    "eager": _torch,
    "compile": _torch,
}


def main(kind: str, precision: Precision, folder: str, threads: str) -> None:
    """Trains as the command line asks."""
    # Runtimes take as many threads as there are processors to run on.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(threads)])
    # What runtimes print must not get among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    steps: int = json.loads(Path(folder, SETTINGS_FILE).read_text())["steps"]
    train_block = KINDS[kind](Path(folder), kind, precision, steps)
    for line in sys.stdin:
        answer: dict[str, Any] = asdict(measured(train_block, int(line), steps))
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])  # type: ignore[arg-type]
