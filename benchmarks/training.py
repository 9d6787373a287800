"""Rate of training: `fit` as finetune calls it, against PyTorch and against other batches.

    python -m benchmarks.training --data ../shared/data/snips --peers-python PEERS/bin/python

One model (packaged encoder, fresh head) is trained by blocks of steps, each contestant in a process
of its own, in rounds of alternating order:

- ours: batches of nearly one length, padded to their longest rounded up, in float32 and, where the
  processor multiplies bfloat16, in that.
- PyTorch: Hugging Face's BertModel on the same batches, eager and with torch.compile, fused AdamW,
  gradients clipped to a norm of 1 (PEERS has benchmarks/peers.txt; left out without it).
- ours, random: batches of random examples, padded in the same way.
- ours, 48: batches of random examples, all padded to the recipes' max_seq_length.

ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 in the environment limit all to what a processor
without AVX-512 has.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.child import Child
from benchmarks.rounds import in_turn
from benchmarks.training_batches import BATCHES, SETTINGS, STATIC_LENGTH, TrainingSet
from benchmarks.training_worker import KINDS, SETTINGS_FILE, Block
from bertline.artifacts import write_json
from bertline.modeling.checkpoints.huggingface import write_checkpoint
from bertline.modeling.families.lookup import read_encoder
from bertline.modeling.weights import load_weights
from bertline.stages import import_checkpoint, ingest, tokenize
from bertline.training.devices import has_bfloat16

Blocks = Mapping[str, Sequence[Block]]


@dataclass(frozen=True)
class Contestant:
    """What is trained how: a key of training_worker.KINDS and a precision."""

    name: str
    kind: str
    precision: str

    @property
    def is_peer(self) -> bool:
        """Whether it runs in the peers' environment."""
        return self.kind not in BATCHES


def contestants(has_bfloat16: bool, has_peers: bool) -> list[Contestant]:
    """Those that can take part on this processor, with or without an environment of the peers."""
    precisions = ["float32", *(["bfloat16"] if has_bfloat16 else [])]
    kinds = {"ours": "buckets", "PyTorch eager": "eager", "PyTorch compiled": "compile"}
    found = [
        Contestant(f"{name} {precision}", kind, precision)
        for precision in precisions
        for name, kind in kinds.items()
    ]
    others = {"ours, random": "random", f"ours, {STATIC_LENGTH}": "static"}
    found += [Contestant(name, kind, precisions[-1]) for name, kind in others.items()]
    return [each for each in found if has_peers or not each.is_peer]


class Worker:
    """The parent's end of a contestant's process. Raises SystemExit where it ends too early."""

    def __init__(self, contestant: Contestant, folder: Path, threads: int, python: str) -> None:
        arguments = [contestant.kind, contestant.precision, str(folder), str(threads)]
        log = folder / f"{contestant.name}.log"
        self._child = Child(contestant.name, "benchmarks.training_worker", arguments, log, python)

    def block(self, number: int) -> Block:
        """Trains block `number`."""
        return Block(**self._child.ask(number))

    def close(self) -> None:
        """Ends the process."""
        self._child.close()


def prepare(folder: Path, data: str, steps: int, blocks: int) -> None:
    """Fills `folder` with what the workers read."""
    encoder, examples, features = (folder / name for name in ("encoder", "examples", "features"))
    import_checkpoint.run(import_checkpoint.Settings(), encoder=encoder)
    ingest.run(ingest.Settings(source=(data,)), examples=examples)
    tokenized = tokenize.Settings(max_seq_length=STATIC_LENGTH)
    tokenize.run(tokenized, examples=examples, encoder=encoder, features=features)
    # PyTorch keeps the whole word table, as its users do: the batches have the tokens' own ids.
    training = TrainingSet.read(folder, used_words_only=False)
    labels = training.spec.labels
    settings = {
        "steps": steps,
        "learning_rate": SETTINGS.learning_rate,
        "weight_decay": SETTINGS.weight_decay,
        "intents": len(labels["intents"]),
        "tags": len(labels["tags"]),
    }
    write_json(folder / SETTINGS_FILE, settings)
    made = training.block(BATCHES["buckets"], 0, steps * blocks)
    arrays = {
        f"{number}/{name}": array
        for number in range(len(made))
        for part in made[number]
        for name, array in part.items()
    }
    np.savez(folder / "batches.npz", **arrays)
    checkpoint = folder / "checkpoint"
    checkpoint.mkdir()
    write_checkpoint(
        checkpoint, read_encoder(encoder), load_weights(encoder / "weights.safetensors")
    )


def table(blocks: Blocks, batch_size: int) -> list[str]:
    """Lines of medians over the rounds.

    Ratios are of examples per second and per CPU-second, to PyTorch's eager mode in the same
    precision, or to ours where it does not take part; medians of those within a round.
    """
    lines = [
        f"{'':26}{'ms':>7}{'CPU-ms':>8}{'faults':>9}{'ex/s':>8}{'ratio':>7}{'ex/CPU-s':>10}{'ratio':>7}"
        f"{'loss':>8}"
    ]
    for name, own in blocks.items():
        base = blocks[base_of(name, blocks)]
        cells = f"{1000 * median(own, 'wall_s'):7.0f}{1000 * median(own, 'cpu_s'):8.0f}"
        cells += f"{median(own, 'page_faults'):9,.0f}"
        for clock, width in (("wall_s", 8), ("cpu_s", 10)):
            pairs = zip(base, own, strict=True)
            ratio = statistics.median(getattr(a, clock) / getattr(b, clock) for a, b in pairs)
            cells += f"{batch_size / median(own, clock):{width},.0f}{ratio:7.2f}"
        lines.append(f"{name:26}{cells}{own[-1].loss:8.3f}")
    return lines


def base_of(name: str, names: Mapping[str, object]) -> str:
    """What the contestant `name` is measured by."""
    found = [f"{base} {name.rpartition(' ')[2]}" for base in ("PyTorch eager", "ours")]
    others = [each for each in names if each.startswith("ours ")]
    return next(base for base in (*found, *reversed(others), name) if base in names)


def median(blocks: Sequence[Block], name: str) -> float:
    """The median of the value `name`."""
    return float(statistics.median(getattr(block, name) for block in blocks))


def measure(
    folder: Path, taking_part: Sequence[Contestant], threads: int, options: argparse.Namespace
) -> Blocks:
    """The blocks of all contestants, in rounds of alternating order after one that warms up."""
    blocks: dict[str, list[Block]] = {each.name: [] for each in taking_part}
    with ExitStack() as stack:
        workers = {
            each.name: stack.enter_context(
                closing(
                    Worker(
                        each,
                        folder,
                        threads,
                        options.peers_python if each.is_peer else sys.executable,
                    )
                )
            )
            for each in taking_part
        }
        for number in range(options.rounds + 1):
            for name in in_turn(list(workers), number):
                block = workers[name].block(number)
                if number:
                    blocks[name].append(block)
    return blocks


def main() -> None:
    """Prints a table for each number of threads."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", default="samples/snips", help="a folder in SNIPS layout")
    parser.add_argument("--steps", type=int, default=40, help="training steps of a block")
    parser.add_argument("--rounds", type=int, default=5, help="blocks of each, one more uncounted")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--peers-python", help="the interpreter of the peers' environment")
    options = parser.parse_args()
    fast_bfloat16 = has_bfloat16() and "ONEDNN_MAX_CPU_ISA" not in os.environ
    able = contestants(fast_bfloat16, options.peers_python is not None)
    taking_part = [each for each in able if each.kind in options.kinds]
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name), options.data, options.steps, options.rounds + 1)
        for threads in options.threads:
            blocks = measure(Path(name), taking_part, threads, options)
            print(f"\n{threads} threads, {options.rounds} rounds of {options.steps} steps")
            print("\n".join(table(blocks, SETTINGS.batch_size)))


if __name__ == "__main__":
    main()
