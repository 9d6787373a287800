"""Results by group, by label, and what was confused with what."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from bertline.evaluation.judges.base import Cell, Table
from bertline.evaluation.metrics import Counts, Metric, metrics_of, percent


def group_table(
    title: str,
    groups: Sequence[str],
    order: Sequence[str],
    counts: Counts,
    metrics: Mapping[str, Metric],
) -> Table:
    """A row for each group in `order`: its number of examples and its metrics.

    groups: that of each example. counts: a row for each example, which `metrics` take sums of.
    """
    members = np.array(groups)
    rows: list[tuple[Cell, ...]] = []
    for group in order:
        of_group = counts[members == group]
        rows.append((group, len(of_group), *metrics_of(of_group, metrics).values()))
    columns = ("", "examples", *(metric.label for metric in metrics.values()))
    return Table(title=title, columns=columns, rows=tuple(rows))


def with_unknown(classes: Sequence[str], true: Sequence[str]) -> list[str]:
    """The classes of a model, then those that only the truth has, by name."""
    return [*classes, *sorted(set(true).difference(classes))]


def confusion_table(
    title: str, true: Sequence[str], answered: Sequence[str], classes: Sequence[str]
) -> Table:
    """Numbers of examples, one row a true class and one column an answered one."""
    pairs = Counter(zip(true, answered, strict=True))
    rows: list[tuple[Cell, ...]] = [
        (row, *(pairs[row, column] for column in classes)) for row in classes
    ]
    return Table(title=title, columns=("", *classes), rows=tuple(rows), is_confusion=True)


def label_table(
    title: str,
    gold: Iterable[Sequence[str]],
    answered: Iterable[Sequence[str]],
    right: Iterable[Sequence[str]],
) -> Table:
    """A row for each label of the truth or of an answer, by name: counts, precision, recall, F1.

    Each argument has for each example the labels that are in the truth, answered, and right.
    """
    in_gold, in_answers, in_both = (
        Counter(label for labels in side for label in labels) for side in (gold, answered, right)
    )
    rows = tuple(
        (
            label,
            in_gold[label],
            in_answers[label],
            in_both[label],
            float(percent(in_both[label], in_answers[label])),
            float(percent(in_both[label], in_gold[label])),
            float(percent(2 * in_both[label], in_answers[label] + in_gold[label])),
        )
        for label in sorted(in_gold | in_answers)
    )
    columns = ("", "in the truth", "answered", "right", "precision", "recall", "F1")
    return Table(title=title, columns=columns, rows=rows)
