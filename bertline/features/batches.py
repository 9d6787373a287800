"""Encoded examples in memory, and the padded batches cut from them. NumPy only."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int32]

MODEL_INPUTS = ("input_ids", "input_mask", "segment_ids")
# Where a padded position must not look like class 0.
PADDING = {"tag_ids": -1}


@dataclass(frozen=True, slots=True)
class Record:
    """One encoded example: its id and named one-dimensional int32 arrays."""

    id: str
    columns: dict[str, IntArray]

    def __getitem__(self, name: str) -> IntArray:
        return self.columns[name]


@dataclass(frozen=True, slots=True)
class Ragged:
    """Rows of different lengths in one array: row i is values[offsets[i]:offsets[i + 1]].

    values: int32 [total]. offsets: int64 [rows + 1], the first being 0.
    """

    values: IntArray
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[IntArray]) -> Self:
        """The rows, copied one after another."""
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        values = np.concatenate(rows) if rows else np.zeros(0, np.int32)
        return cls(values.astype(np.int32, copy=False), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> IntArray:
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of values of each row, int64 [rows]."""
        return np.diff(self.offsets)


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """Encoded examples by column; every column has one row an example."""

    ids: list[str]
    columns: dict[str, Ragged]

    @classmethod
    def of(cls, records: Iterable[Record]) -> Self:
        """The records' columns; all records must have the same ones."""
        rows = list(records)
        names = rows[0].columns if rows else {}
        columns = {name: Ragged.of([row[name] for row in rows]) for name in names}
        return cls([row.id for row in rows], columns)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of tokens of each example, [CLS] and [SEP] included; int64 [examples]."""
        return self.columns["input_ids"].lengths if self.ids else np.zeros(0, np.int64)

    def part(self, rows: Sequence[int] | NDArray[np.int64]) -> "FeatureSet":
        """The examples `rows`, in that order."""
        return FeatureSet.of(self.record(row) for row in rows)

    def record(self, row: int) -> Record:
        """Example `row`, as it was encoded."""
        return Record(self.ids[row], {name: rows[row] for name, rows in self.columns.items()})


def pad_batch(
    features: FeatureSet, rows: Sequence[int] | NDArray[np.int64], names: Iterable[str], length: int
) -> dict[str, IntArray]:
    """Arrays int32 [len(rows), length] by name: the examples `rows`, padded at the end.

    names: columns, or "input_mask" (1 on the tokens), or "segment_ids", which is all zeros for
    examples that have no such column. Padding is 0, but -1 in tag_ids. `length` is at least
    the length of the longest of the rows.
    """
    chosen = np.asarray(rows, dtype=np.int64)
    return {name: _padded(features, chosen, name, length) for name in names}


def _padded(features: FeatureSet, rows: NDArray[np.int64], name: str, length: int) -> IntArray:
    if name == "segment_ids" and name not in features.columns:
        return np.zeros((len(rows), length), np.int32)
    column = features.columns["input_ids" if name == "input_mask" else name]
    starts = column.offsets[rows]
    lengths = column.offsets[rows + 1] - starts
    assert length >= lengths.max(initial=0), f"{name}: rows of {lengths.max()} > length {length}"
    positions = np.arange(length)
    inside = positions < lengths[:, None]
    if name == "input_mask":
        return inside.astype(np.int32)
    padded = np.full((len(rows), length), PADDING.get(name, 0), np.int32)
    padded[inside] = column.values[(starts[:, None] + positions)[inside]]
    return padded


def round_up(length: int, multiple: int = 8) -> int:
    """The least multiple of `multiple` that is not less than `length`."""
    return -(-length // multiple) * multiple


def length_sorted_batches(
    lengths: NDArray[np.int64], batch_size: int
) -> Iterator[NDArray[np.int64]]:
    """Row numbers in batches of similar length, the longest first; int64 [<= batch_size].

    Longest first, so that a lack of memory shows at once and time left is not underestimated.
    Rows of equal length keep their order.
    """
    order = np.argsort(-lengths, kind="stable")
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]
