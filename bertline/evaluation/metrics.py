"""Metrics as functions of counts, so that a resample of examples is a weighted sum of rows.

Every example gives one row of integers (`tagged_text_counts`); a metric takes the sum of any rows.
All metrics are percentages, differences of metrics are points. Spans, precision, recall and F1
are those of the CoNLL-2000 evaluation script (conlleval), micro-averaged.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counts = NDArray[np.int64]
Sums = NDArray[Any]
Percent = NDArray[np.float64]

EXAMPLES, INTENT_RIGHT, SENTENCE_RIGHT, SLOTS_RIGHT, SLOTS_ANSWERED, SLOTS_GOLD = range(6)
NUM_COUNTS = 6


class Tagged(Protocol):
    """The truth or an answer: an intent, and a BIO tag for each word."""

    @property
    def intent(self) -> str:
        """Name of the intent."""
        ...

    @property
    def tags(self) -> Sequence[str]:
        """One of "O", "B-x", "I-x" for each word."""
        ...


class Span(NamedTuple):
    """Words [start, end) that carry one label."""

    label: str
    start: int
    end: int


def spans(tags: Sequence[str]) -> list[Span]:
    """The labelled spans of BIO tags, in order.

    An I- tag that follows O, the beginning, or another label starts a span, as in conlleval.
    """
    found: list[Span] = []
    label, start = "", 0
    for position, tag in enumerate([*tags, "O"]):
        prefix, _, name = tag.partition("-")
        if label and (prefix != "I" or name != label):
            found.append(Span(label, start, position))
            label = ""
        if prefix != "O" and not label:
            label, start = name, position
    return found


def tagged_text_counts(gold: Sequence[Tagged], answers: Sequence[Tagged]) -> Counts:
    """Counts [examples, NUM_COUNTS] of answers against the truth, example by example.

    A sentence is right when its intent and every tag are. Tags of an example are as many as its
    words in `gold` and in `answers`.
    """
    rows = np.zeros((len(gold), NUM_COUNTS), np.int64)
    for row, truth, answer in zip(rows, gold, answers, strict=True):
        assert len(truth.tags) == len(answer.tags), "an answer has one tag for each word"
        true_spans, answer_spans = set(spans(truth.tags)), set(spans(answer.tags))
        intent_right = truth.intent == answer.intent
        row[EXAMPLES] = 1
        row[INTENT_RIGHT] = intent_right
        row[SENTENCE_RIGHT] = intent_right and list(truth.tags) == list(answer.tags)
        row[SLOTS_RIGHT] = len(true_spans & answer_spans)
        row[SLOTS_ANSWERED] = len(answer_spans)
        row[SLOTS_GOLD] = len(true_spans)
    return rows


def intent_accuracy(sums: Sums) -> Percent:
    """Examples with the right intent, in percent; [..., NUM_COUNTS] → [...]."""
    return percent(sums[..., INTENT_RIGHT], sums[..., EXAMPLES])


def sentence_accuracy(sums: Sums) -> Percent:
    """Examples with the right intent and all tags right, in percent; [..., NUM_COUNTS] → [...]."""
    return percent(sums[..., SENTENCE_RIGHT], sums[..., EXAMPLES])


def slot_precision(sums: Sums) -> Percent:
    """Answered slots that are right, in percent; [..., NUM_COUNTS] → [...]."""
    return percent(sums[..., SLOTS_RIGHT], sums[..., SLOTS_ANSWERED])


def slot_recall(sums: Sums) -> Percent:
    """Gold slots that were found, in percent; [..., NUM_COUNTS] → [...]."""
    return percent(sums[..., SLOTS_RIGHT], sums[..., SLOTS_GOLD])


def slot_f1(sums: Sums) -> Percent:
    """Harmonic mean of slot precision and recall, in percent; [..., NUM_COUNTS] → [...]."""
    return percent(2 * sums[..., SLOTS_RIGHT], sums[..., SLOTS_ANSWERED] + sums[..., SLOTS_GOLD])


def percent(part: ArrayLike, whole: ArrayLike) -> Percent:
    """100 · part / whole, and 0 where whole is 0."""
    parts, wholes = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    shares: Percent = np.divide(100 * parts, wholes, out=np.zeros_like(parts), where=wholes != 0)
    return shares


@dataclass(frozen=True)
class Metric:
    """A metric's name for people and its function of summed counts."""

    label: str
    of_sums: Callable[[Sums], Percent]


METRICS = {
    "slot_f1": Metric("slot F1", slot_f1),
    "slot_precision": Metric("slot precision", slot_precision),
    "slot_recall": Metric("slot recall", slot_recall),
    "intent_accuracy": Metric("intent accuracy", intent_accuracy),
    "sentence_accuracy": Metric("sentence accuracy", sentence_accuracy),
}


def metrics_of(counts: Counts, names: Sequence[str]) -> dict[str, float]:
    """The metrics `names` over all rows of `counts`, in percent."""
    sums = counts.sum(axis=0)
    return {name: float(METRICS[name].of_sums(sums)) for name in names}
