"""Classes of texts against the truth."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from bertline.evaluation.judges.base import Labels, Table
from bertline.evaluation.judges.baselines import bag_of_words
from bertline.evaluation.judges.tables import confusion_table, label_table, with_unknown
from bertline.evaluation.metrics import Counts, Metric, f1, metrics_of, share
from bertline.examples import LabelledText
from bertline.features.labelled_text import LabelAnswer
from bertline.features.tokenizer import Tokenizer

EXAMPLES, RIGHT, POSITIVE_RIGHT, POSITIVE_ANSWERED, POSITIVE_GOLD = range(5)
NUM_COUNTS = 5

METRICS = {
    "accuracy": Metric("accuracy", share(RIGHT, EXAMPLES), EXAMPLES, classes="classes"),
    "f1": Metric("F1", f1(POSITIVE_RIGHT, POSITIVE_ANSWERED, POSITIVE_GOLD), POSITIVE_GOLD),
    "precision": Metric("precision", share(POSITIVE_RIGHT, POSITIVE_ANSWERED), POSITIVE_GOLD),
    "recall": Metric("recall", share(POSITIVE_RIGHT, POSITIVE_GOLD), POSITIVE_GOLD),
}


class Labelled(Protocol):
    """The truth or an answer."""

    @property
    def label(self) -> str:
        """Name of the class."""
        ...


class LabelledTextJudge:
    """Judges classes; F1, precision and recall are those of `positive_class`."""

    metrics: Mapping[str, Metric] = METRICS
    aspects = ("class",)

    def __init__(self, positive_class: str | None) -> None:
        self.positive_class = positive_class

    def truths(
        self, examples: Sequence[LabelledText], tokenizer: Tokenizer
    ) -> Sequence[LabelledText]:
        """The examples, which say what is right."""
        return examples

    def counts(self, truths: Sequence[Labelled], answers: Sequence[Labelled]) -> Counts:
        """Counts [examples, NUM_COUNTS]."""
        rows = np.zeros((len(truths), NUM_COUNTS))
        for row, truth, answer in zip(rows, truths, answers, strict=True):
            gold, answered = (side.label == self.positive_class for side in (truth, answer))
            row[:] = 1, truth.label == answer.label, gold and answered, answered, gold
        return rows

    def tables(
        self,
        truths: Sequence[Labelled],
        answers: Sequence[Labelled],
        counts: Counts,
        labels: Labels,
    ) -> tuple[Table, ...]:
        """Results by class, and classes confused."""
        true = [truth.label for truth in truths]
        answered = [answer.label for answer in answers]
        right = [[one] if one == other else [] for one, other in zip(true, answered, strict=True)]
        return (
            label_table("By class", [[one] for one in true], [[one] for one in answered], right),
            confusion_table(
                "Classes answered (columns) for true ones",
                true,
                answered,
                with_unknown(labels["classes"], true),
            ),
        )

    def baselines(
        self, train: Sequence[LabelledText], test: Sequence[LabelledText]
    ) -> dict[str, dict[str, float]]:
        """Metrics of the most frequent class, and of a bag-of-words classifier."""
        labels = [example.label for example in train]
        constant = Counter(labels).most_common(1)[0][0]
        contents = [[example.content for example in split] for split in (train, test)]
        found = {
            "the constant answer": [constant] * len(test),
            "a bag-of-words classifier": bag_of_words(contents[0], labels, contents[1]),
        }
        return {
            name: metrics_of(
                self.counts(test, [LabelAnswer(label, {}) for label in answers]), self.metrics
            )
            for name, answers in found.items()
        }
