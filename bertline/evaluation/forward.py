"""Running a predictor over features in length-sorted batches."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from bertline.evaluation.predictors import TOKEN_OUTPUTS, Batch, Logits, Predictor
from bertline.features.batches import (
    MODEL_INPUTS,
    FeatureSet,
    length_sorted_batches,
    pad_batch,
    round_up,
)

Rows = NDArray[np.int64]

# Single texts are padded to few lengths, because runtimes prepare for each and that costs as much
# as many calls; in a batch the padding itself costs more (a seventh of an encoder's time).
SINGLE_MULTIPLE = 8
BATCH_MULTIPLE = 2


def padded_length(longest: int, rows: int) -> int:
    """The length to which a batch of `rows` texts is padded whose longest has `longest` tokens."""
    return round_up(longest, SINGLE_MULTIPLE if rows == 1 else BATCH_MULTIPLE)


def batches(features: FeatureSet, rows: Rows, batch_size: int) -> Iterator[tuple[Rows, Batch]]:
    """`rows` in batches of similar length with what a model takes for them, the longest first.

    Inputs are int32 [<= batch_size, length], the length being that of `padded_length`.
    """
    lengths = features.lengths[rows]
    for places in length_sorted_batches(lengths, batch_size):
        length = padded_length(int(lengths[places].max()), len(places))
        yield rows[places], pad_batch(features, rows[places], MODEL_INPUTS, length)


def forward(
    predictor: Predictor,
    features: FeatureSet,
    rows: Rows,
    batch_size: int,
    progress: Callable[[int], object] = lambda count: None,
) -> list[Logits]:
    """The logits of each of `rows`, in their order, without the padding.

    batch_size: where the predictor does not fix it. progress: called with the number of rows of
    each batch when it is done.
    """
    lengths = features.lengths
    found: dict[int, Logits] = {}
    for chosen, batch in batches(features, rows, predictor.fixed_batch or batch_size):
        outputs = predictor(batch)
        for place, row in enumerate(chosen.tolist()):
            found[row] = {
                name: logits[place, : lengths[row]] if name in TOKEN_OUTPUTS else logits[place]
                for name, logits in outputs.items()
            }
        progress(len(chosen))
    return [found[row] for row in rows.tolist()]
