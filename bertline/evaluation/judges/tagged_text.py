"""Intents and slots against the truth.

Precision, recall and F1 of slots are those of the CoNLL-2000 evaluation script (conlleval),
micro-averaged over spans.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from bertline.evaluation.judges.base import Labels, Table
from bertline.evaluation.judges.baselines import bag_of_words
from bertline.evaluation.judges.bio import Tagged, Truth, spans
from bertline.evaluation.judges.tables import (
    confusion_table,
    group_table,
    label_table,
    with_unknown,
)
from bertline.evaluation.metrics import Counts, Metric, f1, percent, share
from bertline.examples import TaggedText
from bertline.features.tagged_text import word_tags
from bertline.features.tokenizer import Tokenizer

EXAMPLES, INTENT_RIGHT, SENTENCE_RIGHT, SLOTS_RIGHT, SLOTS_ANSWERED, SLOTS_GOLD = range(6)
NUM_COUNTS = 6

METRICS = {
    "slot_f1": Metric("slot F1", f1(SLOTS_RIGHT, SLOTS_ANSWERED, SLOTS_GOLD), SLOTS_GOLD),
    "slot_precision": Metric("slot precision", share(SLOTS_RIGHT, SLOTS_ANSWERED), SLOTS_GOLD),
    "slot_recall": Metric("slot recall", share(SLOTS_RIGHT, SLOTS_GOLD), SLOTS_GOLD),
    "intent_accuracy": Metric(
        "intent accuracy", share(INTENT_RIGHT, EXAMPLES), EXAMPLES, classes="intents"
    ),
    "sentence_accuracy": Metric("sentence accuracy", share(SENTENCE_RIGHT, EXAMPLES), EXAMPLES),
}


class TaggedTextJudge:
    """Judges intents and slots. A sentence is right when its intent and every tag are."""

    metrics: Mapping[str, Metric] = METRICS
    aspects = ("intent", "slots")

    def truths(self, examples: Sequence[TaggedText], tokenizer: Tokenizer) -> list[Truth]:
        """The right answer to each example."""
        encodings = tokenizer.encode([example.text for example in examples])
        return [
            Truth(example.intent, word_tags(encoding, example.slots))
            for example, encoding in zip(examples, encodings, strict=True)
        ]

    def counts(self, truths: Sequence[Tagged], answers: Sequence[Tagged]) -> Counts:
        """Counts [examples, NUM_COUNTS]; both sides have as many tags as the text has words."""
        rows = np.zeros((len(truths), NUM_COUNTS))
        for row, truth, answer in zip(rows, truths, answers, strict=True):
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

    def tables(
        self,
        truths: Sequence[Tagged],
        answers: Sequence[Tagged],
        counts: Counts,
        labels: Labels,
    ) -> tuple[Table, ...]:
        """Results by intent, intents confused, results by slot."""
        true = [truth.intent for truth in truths]
        intents = with_unknown(labels["intents"], true)
        answered = [answer.intent for answer in answers]
        of_intent = ("intent_accuracy", "slot_f1", "sentence_accuracy")
        chosen = {name: self.metrics[name] for name in of_intent}
        return (
            group_table("By intent", true, intents, counts, chosen),
            confusion_table("Intents answered (columns) for true ones", true, answered, intents),
            label_table(
                "By slot",
                [[span.label for span in spans(truth.tags)] for truth in truths],
                [[span.label for span in spans(answer.tags)] for answer in answers],
                [
                    [s.label for s in {*spans(truth.tags)} & {*spans(answer.tags)}]
                    for truth, answer in zip(truths, answers, strict=True)
                ],
            ),
        )

    def baselines(
        self, train: Sequence[TaggedText], test: Sequence[TaggedText]
    ) -> dict[str, dict[str, float]]:
        """Intent accuracy of a bag-of-words classifier."""
        answers = bag_of_words(
            [example.text for example in train],
            [example.intent for example in train],
            [example.text for example in test],
        )
        right = sum(a == example.intent for a, example in zip(answers, test, strict=True))
        accuracy = float(percent(right, len(test)))
        return {"a bag-of-words classifier": {"intent_accuracy": accuracy}}
