r"""Speed of every exported file against PyTorch and against Hugging Face → OpenVINO → NNCF.

    python3 -m venv PEERS && PEERS/bin/python -m pip install -r benchmarks/peers.txt
    python -m benchmarks.runtimes --data ../shared/data/snips --exported DIR --model DIR \
        --peers-python PEERS/bin/python

Each contestant runs in a process of its own; they take turns, in rounds of alternating order, with
the same test utterances, first one by one and then in length-sorted batches of 32. Our files are
opened and padded as a user's calls are. The peers have the weights of --model, from which
--exported must have been made, and its calibration utterances:

- torch_float32: PyTorch with Hugging Face's BertModel, real lengths (a batch's longest).
- nncf_int8: the same module through ov.convert_model and nncf.quantize, real lengths; once more
  with the lengths that our files get, and once with every utterance padded to 48.

With --instructions AVX2 all but LiteRT, which cannot be limited and is left out, compute as on a
processor that has no more; so in an environment with the same variables (LIMITS) does everything.

Before anything is timed the peers' float32 logits are compared with ours. Without
--peers-python our files are measured alone.
"""

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import peer_workers
from benchmarks.calls import Calls
from benchmarks.peer_workers import STATIC_LENGTH
from benchmarks.rounds import in_turn
from benchmarks.speed import TORCH, comparison_table, latency_table, throughput_table
from benchmarks.worker import Block, Worker
from bertline.artifacts import read_manifest
from bertline.errors import ConfigError, DataError
from bertline.evaluation.material import pick
from bertline.examples import read_split
from bertline.export.instruction_sets import find_instruction_set
from bertline.export.listing import Exports
from bertline.features.batches import FeatureSet
from bertline.features.tagged_text import encode_tagged_texts
from bertline.features.tokenizer import Tokenizer
from bertline.modeling.config import ModelSpec
from bertline.progress import Progress
from bertline.stages import ingest

LIMITS = {
    "AVX2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    }
}
"""Instruction set → the variables that limit oneDNN (OpenVINO, TensorFlow), PyTorch and MKL."""


def main() -> None:
    """Prints tables of latency and throughput, and the ratios that the project asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--exported", type=Path, required=True, help="an exported folder")
    parser.add_argument("--data", default="samples/snips", help="the SNIPS folder it is made from")
    parser.add_argument("--model", type=Path, help="the model folder it is made from")
    parser.add_argument("--peers-python", help="interpreter that has benchmarks/peers.txt")
    parser.add_argument("--examples", type=int, default=700, help="test utterances a round")
    parser.add_argument("--rounds", type=int, default=7, help="one more is not counted")
    parser.add_argument("--threads", type=int, default=1, help="of each runtime")
    parser.add_argument("--instructions", choices=LIMITS, help="limit what runtimes compute with")
    options = parser.parse_args()
    os.environ.update(LIMITS.get(options.instructions, {}))
    if options.peers_python and not options.model:
        parser.error("--peers-python needs --model, whose weights the peers are given")
    with tempfile.TemporaryDirectory() as name:
        test, calibration = utterances(options, Path(name, "examples"))
        calls = Calls.of(test)
        exported = options.exported.resolve()
        workers = {
            name: Worker("exported", exported, name, calls, options.threads)
            for name in contestants(exported, options.instructions is not None)
        }
        workers |= peers(options, Path(name, "peers"), test, calibration)
        latency, throughput = measure(workers, options.rounds)
        for worker in workers.values():
            worker.close()
    base = TORCH if TORCH in latency else next(iter(latency))
    print(
        f"\n{len(test)} utterances, {options.rounds} rounds, threads: {options.threads}, "
        f"{find_instruction_set('openvino').name}; medians"
    )
    for lines in (
        latency_table(latency, base),
        throughput_table(throughput, base),
        comparison_table(latency, throughput),
    ):
        print("", *lines, sep="\n")


def contestants(exported: Path, is_limited: bool) -> list[str]:
    """The files of the folder; without those of LiteRT where runtimes are limited."""
    files = Exports.read(exported).files
    return [file.name for file in files if not (is_limited and file.runtime == "litert")]


def utterances(options: argparse.Namespace, folder: Path) -> tuple[FeatureSet, FeatureSet]:
    """Test utterances to be timed, and those that calibrated the exported files.

    folder: for files on the way. Raises DataError if the calibration used others than --data's.
    """
    ingest.run(ingest.Settings(source=(options.data,)), examples=folder)
    kind = read_manifest(folder, "examples").about["example_kind"]
    train, test = (
        {example.id: example.content for example in read_split(folder / f"{split}.jsonl", kind)}
        for split in ("train", "test")
    )
    calibration = Exports.read(options.exported).calibration.ids
    if not train.keys() >= set(calibration):
        raise DataError(f"{options.exported}: not calibrated with {options.data}; give its --data")
    spec = ModelSpec.read(options.exported)
    tokenizer = Tokenizer.from_vocab(options.exported / "vocab.txt", spec.encoder)

    def encoded(texts: Sequence[str]) -> FeatureSet:
        return FeatureSet.of(encode_tagged_texts(tokenizer, texts, STATIC_LENGTH))

    texts = list(test.values())
    chosen = pick(list(test), options.examples).tolist()
    return encoded([texts[row] for row in chosen]), encoded([train[id] for id in calibration])


def peers(
    options: argparse.Namespace, folder: Path, test: FeatureSet, calibration: FeatureSet
) -> dict[str, Worker]:
    """The peers, checked; none, and a line that says so, where they cannot be had.

    folder: a new one, for their models. Raises ConfigError if --exported is not made from --model.
    """
    if not options.peers_python:
        print("no --peers-python: PyTorch and Hugging Face → OpenVINO → NNCF are left out")
        return {}
    made_from = read_manifest(options.exported, "exported").about["model_weights_sha256"]
    if read_manifest(options.model, "model").about["weights_sha256"] != made_from:
        raise ConfigError(f"{options.exported} is not made from {options.model}; give its --model")
    model = options.model.resolve()
    # Absolute, since children run elsewhere; not resolved, since it tells the environment.
    python = str(Path(shutil.which(options.peers_python) or options.peers_python).absolute())
    if not peer_workers.convert(folder, model, calibration, python):
        return {}
    peer_workers.check(folder, model, test, options.threads, python)
    return peer_workers.start(folder, test, options.threads, python)


def measure(
    workers: Mapping[str, Worker], rounds: int
) -> tuple[dict[str, list[Block]], dict[str, list[Block]]]:
    """Latency and throughput of each worker in each round, after a round that warms up."""
    kinds: tuple[Callable[[Worker], Block], ...] = (Worker.latency, Worker.throughput)
    latency: dict[str, list[Block]] = {name: [] for name in workers}
    throughput: dict[str, list[Block]] = {name: [] for name in workers}
    with Progress("runtimes", rounds + 1, "rounds") as progress:
        for number in range(rounds + 1):
            for kind, blocks in zip(kinds, (latency, throughput), strict=True):
                for name in in_turn(list(workers), number):
                    block = kind(workers[name])
                    if number:
                        blocks[name].append(block)
            progress.update()
    return latency, throughput


if __name__ == "__main__":
    main()
