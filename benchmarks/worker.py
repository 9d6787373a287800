"""A contestant of benchmarks.runtimes in a process of its own, and the pipe to it.

The child reads commands, one a line, from standard input and answers with lines of JSON.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.calls import Calls, Inputs
from benchmarks.child import Child
from bertline.evaluation.latency import rows_of, time_calls, warm_shapes
from bertline.evaluation.predictors import Logits, Predictor, open_predictor


@dataclass(frozen=True)
class Block:
    """Milliseconds that a block of calls took: wall and CPU per text, wall of the median call."""

    wall_ms: float
    cpu_ms: float
    call_ms_p50: float


class Worker:
    """The parent's end.

    opener: key of OPENERS; folder, name: what it opens. threads: of the runtime. python: the
    interpreter. Raises SystemExit with the last line that the child said when it ends too early.
    """

    def __init__(
        self,
        opener: str,
        folder: Path,
        name: str,
        calls: Calls,
        threads: int,
        python: str = sys.executable,
    ) -> None:
        self._scratch = tempfile.TemporaryDirectory()
        file = Path(self._scratch.name, "calls.npz")
        calls.write(file)
        arguments = [opener, str(folder), name, str(file), str(threads)]
        log = Path(self._scratch.name, "log")
        self._child = Child(name, "benchmarks.worker", arguments, log, python)
        self._ask("ready")

    def latency(self) -> Block:
        """The texts one by one."""
        return Block(**self._ask("latency"))

    def throughput(self) -> Block:
        """The texts in length-sorted batches, or one by one for what takes no batches."""
        return Block(**self._ask("throughput"))

    def logits(self) -> list[Logits]:
        """The logits of each batch."""
        path = Path(self._scratch.name, "logits.npz")
        count = self._ask(f"logits {path}")
        found: list[Logits] = [{} for _ in range(count)]
        with np.load(path) as arrays:
            for key in arrays.files:
                number, _, name = key.partition("/")
                found[int(number)][name] = arrays[key]
        return found

    def close(self) -> None:
        """Ends the process."""
        self._child.close()
        self._scratch.cleanup()

    def _ask(self, command: str) -> Any:
        try:
            return self._child.ask(command)
        except SystemExit:
            self._scratch.cleanup()
            raise


def main(opener: str, folder: str, name: str, calls_file: str, threads: str) -> None:
    """The child: opens the predictor, runs every shape twice, then does as it is told."""
    # What runtimes print must not get among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    predictor = OPENERS[opener](Path(folder), name, int(threads))
    calls = Calls.read(Path(calls_file))
    blocks = {"latency": calls.singles, "throughput": calls.batches}
    if predictor.fixed_batch == 1:
        blocks["throughput"] = sorted(calls.singles, key=lambda call: -call["input_ids"].shape[1])
    for block in blocks.values():
        warm_shapes(predictor, block)
    for line in sys.stdin:
        command, _, path = line.strip().partition(" ")
        answer: Any = "ready"
        if command in blocks:
            answer = asdict(_timed(predictor, blocks[command]))
        elif command == "logits":
            answer = _write_logits(predictor, calls.batches, Path(path))
        print(json.dumps(answer), file=answers, flush=True)


def _timed(predictor: Predictor, calls: Sequence[Inputs]) -> Block:
    wall_ms, cpu_ms = time_calls(predictor, calls)
    texts = sum(rows_of(call) for call in calls)
    return Block(
        wall_ms=float(wall_ms.sum()) / texts,
        cpu_ms=float(cpu_ms.sum()) / texts,
        call_ms_p50=float(np.median(wall_ms)),
    )


def _write_logits(predictor: Predictor, batches: Sequence[Inputs], path: Path) -> int:
    arrays: dict[str, Any] = {
        f"{number}/{name}": logits
        for number, batch in enumerate(batches)
        for name, logits in predictor(batch).items()
    }
    np.savez(path, **arrays)
    return len(batches)


def _open_keras(folder: Path, name: str, threads: int) -> Predictor:
    from bertline.evaluation.predictors.keras import KerasPredictor

    return KerasPredictor(folder, name)


def _open_torch(folder: Path, name: str, threads: int) -> Predictor:
    from benchmarks.peers import TorchPredictor

    return TorchPredictor(folder, name, threads)


def _open_openvino(folder: Path, name: str, threads: int) -> Predictor:
    from benchmarks.peers import OpenVinoPredictor

    return OpenVinoPredictor(folder, name, threads)


def _open_exported(folder: Path, name: str, threads: int) -> Predictor:
    return open_predictor(folder, name, num_threads=threads)


OPENERS: dict[str, Callable[[Path, str, int], Predictor]] = {
    "exported": _open_exported,
    "keras": _open_keras,
    "torch": _open_torch,
    "openvino": _open_openvino,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
