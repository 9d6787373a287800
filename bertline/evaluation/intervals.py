"""Bootstrap intervals of the difference between two models answering the same examples.

Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 13 and 16: examples are
drawn with replacement, both models are judged on the same draw, and the interval holds the middle
95 % of the differences.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bertline.evaluation.judges import METRICS
from bertline.evaluation.metrics import Counts
from bertline.evaluation.results import Interval

DRAWS_AT_ONCE = 1_000


def drop_intervals(
    references: Sequence[Counts],
    candidates: Sequence[Counts],
    metrics: Sequence[str],
    samples: int = 10_000,
    seed: int = 0,
) -> dict[str, Interval]:
    """Metric name → metric(reference) − metric(candidate) in points, with its 95 % interval.

    references, candidates: counts [examples, columns] of one training seed each, all over the
    same examples in the same order. Seeds are pooled by adding their counts example by example:
    an utterance is drawn with its answers under every seed, because those are not independent.
    """
    assert len(references) == len(candidates) > 0, "one candidate for each reference"
    reference, candidate = np.sum(references, axis=0), np.sum(candidates, axis=0)
    width = reference.shape[1]
    drawn = resampled_sums(np.hstack([reference, candidate]), samples, seed)
    intervals = {}
    for name in metrics:
        metric = METRICS[name].of_sums
        estimate = metric(reference.sum(axis=0)) - metric(candidate.sum(axis=0))
        differences = metric(drawn[:, :width]) - metric(drawn[:, width:])
        low, high = np.percentile(differences, [2.5, 97.5])
        intervals[name] = Interval(estimate=float(estimate), low=float(low), high=float(high))
    return intervals


def resampled_sums(counts: Counts, samples: int, seed: int) -> NDArray[np.float64]:
    """Sums [samples, columns] of `counts` [examples, columns] over draws with replacement."""
    generator = np.random.default_rng(seed)
    examples, columns = counts.shape
    values = counts.astype(np.float64)
    sums = np.empty((samples, columns))
    for start in range(0, samples, DRAWS_AT_ONCE):
        draws = min(DRAWS_AT_ONCE, samples - start)
        picks = generator.integers(0, examples, (draws, examples))
        cells = picks + examples * np.arange(draws)[:, None]
        times_drawn = np.bincount(cells.ravel(), minlength=draws * examples)
        sums[start : start + draws] = times_drawn.reshape(draws, examples) @ values
    return sums
