"""Running a predictor over features in length-sorted batches."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from bertline.evaluation.predictors import Batch, Logits, Predictor
from bertline.features.batches import (
    MODEL_INPUTS,
    FeatureSet,
    length_sorted_batches,
    pad_batch,
    round_up,
)

Rows = NDArray[np.int64]


def batches(features: FeatureSet, rows: Rows, batch_size: int) -> Iterator[tuple[Rows, Batch]]:
    """`rows` in batches of similar length with what a model takes for them, the longest first.

    Inputs are int32 [<= batch_size, length], the length rounded up to a multiple of 8.
    """
    lengths = features.lengths[rows]
    for places in length_sorted_batches(lengths, batch_size):
        length = round_up(int(lengths[places].max()))
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
                name: logits[place, : lengths[row]] if logits.ndim == 3 else logits[place]
                for name, logits in outputs.items()
            }
        progress(len(chosen))
    return [found[row] for row in rows.tolist()]
