"""Files made for one shape: batches are filled up to it, and outputs are cut to the batch again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bertline.errors import CheckpointError, DataError
from bertline.evaluation.predictors.base import TOKEN_OUTPUTS, Batch, Logits


@dataclass(frozen=True, slots=True)
class FixedShape:
    """The shape [rows, length] of a file's inputs; None where the file takes any size.

    name: of the file, for messages. positions: how many tokens the model has at most, None if that
    is not known: padding beyond them is left out.
    """

    name: str
    rows: int | None = None
    length: int | None = None
    positions: int | None = None

    @classmethod
    def of(
        cls, name: str, shapes: Iterable[Sequence[int | None]], positions: int | None = None
    ) -> Self:
        """The shape that all inputs have; shapes: of each, an open size being None or below 1.

        Raises CheckpointError where they differ or are not [batch, length].
        """
        distinct = {tuple(size if size and size > 0 else None for size in each) for each in shapes}
        if len(distinct) != 1 or len(shape := distinct.pop()) != 2:
            raise CheckpointError(
                f"{name}: inputs are not all [batch, length]; export the model again"
            )
        rows, length = shape
        return cls(name, rows, length, positions)

    def filled(self, batch: Batch) -> Batch:
        """`batch` [rows, length] in the file's shape; what is added has no influence on the rest.

        Tokens are added as padding, rows by repeating the last one, whose values no quantization
        meets for the first time. Raises DataError for a text that is too long for the file.
        """
        mask = batch["input_mask"]
        rows, length = mask.shape
        if self.length is not None and mask[:, self.length :].any():
            raise DataError(
                f"{self.name}: made for {self.length} tokens, a text has {int(mask.sum(1).max())}; "
                "export it for longer texts or cut them"
            )
        assert rows <= (self.rows or rows), "a predictor gets at most fixed_batch rows"
        new_rows, new_length = self._of_file(batch)
        if (new_rows, new_length) == (rows, length):
            return batch
        return {
            name: np.pad(_of_length(values, new_length), [(0, new_rows - rows), (0, 0)], "edge")
            for name, values in batch.items()
        }

    def cut(self, outputs: Mapping[str, NDArray[Any]], batch: Batch) -> Logits:
        """The outputs of the filled `batch` for the rows and tokens of `batch` itself.

        Tokens beyond the file's length, all of them padding, have zeros.
        """
        rows, length = batch["input_mask"].shape
        if self._of_file(batch) == (rows, length):
            return dict(outputs)
        return {
            name: _of_length(values[:rows], length) if name in TOKEN_OUTPUTS else values[:rows]
            for name, values in outputs.items()
        }

    def _of_file(self, batch: Batch) -> tuple[int, int]:
        """Rows and length that the file gets for `batch`."""
        rows, length = batch["input_mask"].shape
        return self.rows or rows, self.length or min(length, self.positions or length)


def _of_length(values: NDArray[Any], length: int) -> NDArray[Any]:
    """`values` [rows, …] cut or padded with zeros along the second axis, C-contiguous."""
    missing = length - values.shape[1]
    if missing <= 0:
        return np.ascontiguousarray(values[:, :length])
    return np.pad(values, [(0, missing if axis == 1 else 0) for axis in range(values.ndim)])
