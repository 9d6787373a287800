"""The unit of tokenization: some lines of an examples file in, one feature file out."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from bertline.errors import DataError
from bertline.examples import Example, parse_example
from bertline.features.batches import Record, round_up
from bertline.features.records import write_shard
from bertline.features.tokenizer import UNK, Tokenizer
from bertline.progress import Progress

# Large enough for the tokenizer to use its threads, small enough to forget.
BATCH_SIZE = 1000

Encode = Callable[[Sequence[Example]], list[Record]]


@dataclass(frozen=True, slots=True)
class Shard:
    """`count` lines of the file `source`, and the feature file `target` to be made of them.

    first_line: number of the first of the lines, from 1. offset_bytes: where it starts.
    """

    source: Path
    first_line: int
    offset_bytes: int
    count: int
    target: Path

    @property
    def split(self) -> str:
        """Name of the split that the lines are of."""
        return self.source.stem


@dataclass(slots=True)
class Summary:
    """What was written: records, how many were truncated, and how long they are.

    lengths: number of records by length in tokens, rounded up to a multiple of 8 ("24": 310).
    tokens, of which unknown are [UNK]: without [CLS] and [SEP].
    """

    count: int = 0
    truncated: int = 0
    lengths: dict[str, int] = field(default_factory=dict)
    tokens: int = 0
    unknown: int = 0

    @classmethod
    def total(cls, summaries: Iterable[Self]) -> Self:
        """The summaries taken together; lengths ascending."""
        total = cls()
        lengths: Counter[str] = Counter()
        for summary in summaries:
            total.count += summary.count
            total.truncated += summary.truncated
            total.tokens += summary.tokens
            total.unknown += summary.unknown
            lengths.update(summary.lengths)
        total.lengths = {bucket: lengths[bucket] for bucket in sorted(lengths, key=int)}
        return total

    def add(self, record: Record, tokenizer: Tokenizer) -> None:
        """Counts one record, which `tokenizer` made."""
        ids = record["input_ids"]
        length = len(ids)
        bucket = str(round_up(length))
        self.count += 1
        self.tokens += length - int(np.isin(ids, (tokenizer.cls_id, tokenizer.sep_id)).sum())
        self.unknown += int((ids == tokenizer.vocabulary[UNK]).sum())
        self.truncated += int(record["num_tokens"][0]) > length
        self.lengths[bucket] = self.lengths.get(bucket, 0) + 1


def describe(splits: Mapping[str, Sequence[tuple[str, Summary]]]) -> dict[str, dict[str, Any]]:
    """What a features manifest holds for each split: the fields of its Summary, and shards.

    splits: for each split the file name and the summary of its shards, in order.
    """
    totals = {split: Summary.total(part for _, part in files) for split, files in splits.items()}
    return {
        "counts": {split: total.count for split, total in totals.items()},
        "truncated": {split: total.truncated for split, total in totals.items()},
        "lengths": {split: total.lengths for split, total in totals.items()},
        "tokens": {split: total.tokens for split, total in totals.items()},
        "unknown": {split: total.unknown for split, total in totals.items()},
        "shards": {split: [name for name, _ in files] for split, files in splits.items()},
    }


def plan_shards(source: Path, count: int, targets: Sequence[Path]) -> list[Shard]:
    """Shards of near equal size, one a target, that follow one another in `source`.

    Raises DataError if `source` is missing or does not have `count` lines.
    """
    bounds = [count * number // len(targets) for number in range(len(targets) + 1)]
    offsets = dict.fromkeys(bounds, 0)
    lines = offset_bytes = 0
    try:
        with source.open("rb") as stream:
            for line in stream:
                if lines in offsets:
                    offsets[lines] = offset_bytes
                lines += 1
                offset_bytes += len(line)
    except FileNotFoundError:
        raise DataError(f"{source}: no such split; run ingest again") from None
    if lines != count:
        raise DataError(
            f"{source}: {lines} lines and not {count} as the manifest says; run ingest again"
        )
    return [
        Shard(source, start + 1, offsets[start], end - start, target)
        for start, end, target in zip(bounds, bounds[1:], targets, strict=False)
    ]


def encode_shard(shard: Shard, example_kind: str, encode: Encode, tokenizer: Tokenizer) -> Summary:
    """Writes the shard's feature file, whole or not at all, and tells what is in it.

    Holds one batch of examples at a time. Raises DataError that names the file and the line.
    """
    summary = Summary()

    def records() -> Iterator[Record]:
        with Progress(f"tokenize {shard.target.stem}", shard.count, "examples") as progress:
            for first_line, batch in _batches(shard, example_kind):
                encoded = _encode_batch(shard, first_line, batch, encode)
                for record in encoded:
                    summary.add(record, tokenizer)
                yield from encoded
                progress.update(len(batch))

    write_shard(shard.target, records())
    return summary


def _batches(shard: Shard, example_kind: str) -> Iterator[tuple[int, list[Example]]]:
    end = shard.first_line + shard.count
    with shard.source.open("rb") as stream:
        stream.seek(shard.offset_bytes)
        for first_line in range(shard.first_line, end, BATCH_SIZE):
            numbers = range(first_line, min(first_line + BATCH_SIZE, end))
            yield (
                first_line,
                [
                    parse_example(stream.readline(), example_kind, f"{shard.source}:{number}")
                    for number in numbers
                ],
            )


def _encode_batch(
    shard: Shard, first_line: int, batch: list[Example], encode: Encode
) -> list[Record]:
    try:
        return encode(batch)
    except DataError:
        # Again one by one, to find the line.
        for number, example in enumerate(batch, start=first_line):
            try:
                encode([example])
            except DataError as error:
                raise DataError(f"{shard.source}:{number}: {error}") from None
        raise
