"""Metrics as functions of counts, so that a resample of examples is a weighted sum of rows.

Every example gives one row of numbers (`Judge.counts`); a metric takes the sum of any rows. All
metrics are percentages, differences of metrics are points.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counts = NDArray[np.float64]
Sums = NDArray[Any]
Percent = NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """A metric's name for people and its function of summed counts [..., columns] → [...].

    of: the column of the counts that says how much there is to measure. classes: the kind of labels
    of which a model needs two, if the metric is to mean anything.
    """

    label: str
    of_sums: Callable[[Sums], Percent]
    of: int
    classes: str | None = None


def metrics_of(counts: Counts, metrics: Mapping[str, Metric]) -> dict[str, float]:
    """The values of `metrics` by name over all rows of `counts`, in percent."""
    sums = counts.sum(axis=0)
    return {name: float(metric.of_sums(sums)) for name, metric in metrics.items()}


def unmeasured(
    counts: Counts, metrics: Mapping[str, Metric], labels: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """The names of the metrics that have nothing to measure in `counts`, or one label to choose.

    labels: kind of label → names.
    """
    sums = counts.sum(axis=0)
    return tuple(
        name
        for name, metric in metrics.items()
        if not sums[metric.of] or (metric.classes and len(labels[metric.classes]) < 2)
    )


def percent(part: ArrayLike, whole: ArrayLike) -> Percent:
    """100 · part / whole, and 0 where whole is 0."""
    parts, wholes = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    shares: Percent = np.divide(100 * parts, wholes, out=np.zeros_like(parts), where=wholes != 0)
    return shares


def share(part: int, whole: int) -> Callable[[Sums], Percent]:
    """The metric that is column `part` of the sums in percent of column `whole`."""
    return lambda sums: percent(sums[..., part], sums[..., whole])


def f1(right: int, answered: int, gold: int) -> Callable[[Sums], Percent]:
    """The harmonic mean of precision and recall, in percent, from three columns of the sums."""
    return lambda sums: percent(2 * sums[..., right], sums[..., answered] + sums[..., gold])
