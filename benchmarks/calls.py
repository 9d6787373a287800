"""What every contestant of benchmarks.runtimes is called with, on its way between processes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from bertline.evaluation.forward import padded_length as ours
from bertline.features.batches import MODEL_INPUTS, FeatureSet, length_sorted_batches, pad_batch

BATCH_SIZE = 32

Inputs = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Calls:
    """The same texts one by one and in length-sorted batches; inputs are int [rows, length]."""

    singles: list[Inputs]
    batches: list[Inputs]

    @classmethod
    def of(
        cls,
        features: FeatureSet,
        padded_length: Callable[[int, int], int] = ours,
        dtype: DTypeLike = np.int32,
    ) -> Self:
        """Calls of all `features`; padded_length: of a call, as the function of our own."""

        def inputs(rows: NDArray[np.int64]) -> Inputs:
            length = padded_length(int(features.lengths[rows].max()), len(rows))
            batch = pad_batch(features, rows, MODEL_INPUTS, length)
            return {name: array.astype(dtype) for name, array in batch.items()}

        return cls(
            singles=[inputs(np.array([row])) for row in range(len(features))],
            batches=[inputs(rows) for rows in length_sorted_batches(features.lengths, BATCH_SIZE)],
        )

    def write(self, path: Path) -> None:
        """Writes a .npz file."""
        lists = {"singles": self.singles, "batches": self.batches}
        arrays: dict[str, Any] = {
            f"{kind}/{number:06}": np.stack([call[name] for name in MODEL_INPUTS])
            for kind, calls in lists.items()
            for number, call in enumerate(calls)
        }
        with path.open("wb") as stream:
            np.savez(stream, **arrays)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The calls in a file of `write`."""
        found: dict[str, list[Inputs]] = {"singles": [], "batches": []}
        with np.load(path) as arrays:
            for key in sorted(arrays.files):
                # Copied, so that each input is contiguous and none keeps the others alive.
                call = {n: a.copy() for n, a in zip(MODEL_INPUTS, arrays[key], strict=True)}
                found[key.partition("/")[0]].append(call)
        return cls(**found)
