"""The one interface of everything that turns padded token ids into logits."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bertline.errors import CheckpointError
from bertline.features.answers import Logits as Logits
from bertline.features.batches import MODEL_INPUTS

Batch = Mapping[str, NDArray[np.int32]]

OUTPUTS = {
    "intent_slots": ("intent_logits", "slot_logits"),
    "classifier": ("label_logits",),
    "answer_span": ("start_logits", "end_logits"),
}
"""Head of a model → the outputs that every form of it must have."""
TOKEN_OUTPUTS = {"slot_logits", "start_logits", "end_logits"}
"""The outputs that have one row, or one number, a token."""


class Predictor(Protocol):
    """Logits of a batch, computed by one model in one runtime; any number of threads may call it.

    name: of the model's form ("openvino_int8"). fixed_batch: how many rows it computes at a time,
    the most that it takes; None where it takes any number.
    """

    name: str
    fixed_batch: int | None

    def __call__(self, batch: Batch) -> Logits:
        """Output name → float32 logits: `[batch, classes]`, of TOKEN_OUTPUTS `[batch, length, …]`.

        batch: each of MODEL_INPUTS → int32 `[batch, length]`, C-contiguous, padded with zeros.
        The arrays returned are the caller's to keep.
        """
        ...


def warm(predictor: Predictor, lengths: Iterable[int], rows: int = 1) -> None:
    """Runs one batch of each of `lengths`: runtimes prepare for a shape when they first see it."""
    for length in lengths:
        shape = (predictor.fixed_batch or rows, length)
        batch = {name: np.zeros(shape, np.int32) for name in MODEL_INPUTS}
        batch["input_mask"][:, 0] = 1  # a file for shorter texts takes this one too
        predictor(batch)


def check_names(
    name: str, inputs: Iterable[str], outputs: Iterable[str], expected: Sequence[str]
) -> None:
    """Raises CheckpointError unless a model's inputs and outputs can serve as a Predictor.

    inputs may leave out some of MODEL_INPUTS (those that a model does not use may be pruned from
    its file) but not add to them; outputs must include all that is `expected`.
    """
    unknown = sorted(set(inputs) - set(MODEL_INPUTS))
    missing = sorted(set(expected) - set(outputs))
    if unknown or missing:
        problem = f"unknown inputs {unknown}" if unknown else f"no outputs {missing}"
        raise CheckpointError(f"{name}: the file has {problem}; export the model again")
