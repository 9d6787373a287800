"""Rate of tokenization: the tokenize stage against a plain loop over the same tokenizer.

    python -m benchmarks.tokenization --data ../shared/data/snips/nlu-benchmark --repeat 1

All take the same examples, in rounds that alternate their order:

- stage: `bertline.stages.tokenize.run`, that is reading and checking the examples, a Beam pipeline,
  records, feature files, manifest. The pipeline's start-up (not Beam's import) is in each run.
- plain loop: reads the same examples, encodes them in batches of the same size with the same
  tokenizer into the same records, writes the same files; no Beam, no counting, no manifest.
- tokenizer alone: the same tokenizer on texts in memory; nothing is read, kept or written.
"""

import argparse
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.rounds import measure, table
from bertline.artifacts import new_artifact, read_manifest
from bertline.examples import Example, read_split, write_split
from bertline.features.batches import Record
from bertline.features.kinds import KINDS
from bertline.features.records import write_shard
from bertline.features.shards import BATCH_SIZE
from bertline.features.spec import TokenizerSpec
from bertline.features.tokenizer import Tokenizer
from bertline.stages import import_checkpoint, ingest, tokenize

SETTINGS = tokenize.Settings()


def main() -> None:
    """Prints medians of the rates, and of their ratios to the plain loop's within a round."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--data", default="samples/snips", help="a folder in SNIPS layout")
    parser.add_argument("--repeat", type=int, default=5, help="times each example is taken")
    parser.add_argument("--rounds", type=int, default=7, help="runs of each, one more uncounted")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        import_checkpoint.run(import_checkpoint.Settings(), encoder=folder / "encoder")
        ingest.run(ingest.Settings(source=(options.data,)), examples=folder / "once")
        count = _repeat(folder / "once", folder / "examples", options.repeat)
        seconds = measure(_contestants(folder), options.rounds)
    print(f"\n{count:,} examples, {options.rounds} rounds, medians (ratio: plain loop = 1)")
    print("\n".join(table(seconds, count, "plain loop")))


def _repeat(source: Path, target: Path, times: int) -> int:
    """Copies an examples artifact with every split `times` over; returns its example count."""
    about = read_manifest(source, "examples").about
    counts = {split: count * times for split, count in about["counts"].items()}
    with new_artifact(target, "examples", {**about, "counts": counts}) as folder:
        for split in counts:
            once = list(read_split(source / f"{split}.jsonl", about["example_kind"]))
            repeated = (
                dataclasses.replace(example, id=f"{example.id}-{time}")
                for time in range(times)
                for example in once
            )
            write_split(folder / f"{split}.jsonl", repeated)
    return sum(counts.values())


def _contestants(folder: Path) -> dict[str, Callable[[], None]]:
    examples, encoder = folder / "examples", folder / "encoder"
    about = read_manifest(examples, "examples").about
    kind = KINDS[about["example_kind"]]
    labels = kind.labels(about["labels"])
    tokenizer = Tokenizer.from_vocab(encoder / "vocab.txt", TokenizerSpec())

    def batches(split: str) -> Iterator[list[Example]]:
        rows = list(read_split(examples / f"{split}.jsonl", about["example_kind"]))
        for start in range(0, len(rows), BATCH_SIZE):
            yield rows[start : start + BATCH_SIZE]

    def records(split: str) -> Iterator[Record]:
        for batch in batches(split):
            yield from kind.encode_examples(tokenizer, batch, labels, SETTINGS)

    def plain_loop() -> None:
        for split in about["counts"]:
            write_shard(folder / f"{split}.tfrecord", records(split))

    def stage() -> None:
        tokenize.run(SETTINGS, examples=examples, encoder=encoder, features=folder / "features")

    texts = [[row.content for row in rows] for split in about["counts"] for rows in batches(split)]

    def tokenizer_alone() -> None:
        for batch in texts:
            tokenizer.encode(batch)

    return {"plain loop": plain_loop, "stage": stage, "tokenizer alone": tokenizer_alone}


if __name__ == "__main__":
    main()
