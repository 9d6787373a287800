"""Answers to questions about a text against the right ones, by the rules of SQuAD."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from bertline.evaluation.judges.base import Labels, Table
from bertline.evaluation.judges.tables import group_table
from bertline.evaluation.metrics import Counts, Metric, metrics_of, share
from bertline.evaluation.squad import Version, scores
from bertline.examples import Question
from bertline.features.tokenizer import Tokenizer

EXAMPLES, EXACT, F1, HAS_ANSWER, HAS_ANSWER_F1, NO_ANSWER, NO_ANSWER_RIGHT = range(7)
NUM_COUNTS = 7
QUESTION_WORDS = ("what", "who", "when", "where", "which", "why", "how")
OTHER = "other"
UNTITLED = "without a title"


class Answered(Protocol):
    """An answer: a part of the context, or "" for none."""

    @property
    def text(self) -> str:
        """The answer's text."""
        ...


class QuestionJudge:
    """Judges answers to questions: exact match and F1 of tokens, after SQuAD's normalization.

    version: of the official evaluation, "1.1" or "2.0".
    """

    metrics: Mapping[str, Metric] = {
        "answer_f1": Metric("answer F1", share(F1, EXAMPLES), EXAMPLES),
        "exact_match": Metric("exact match", share(EXACT, EXAMPLES), EXAMPLES),
        "has_answer_f1": Metric(
            "F1 where there is an answer", share(HAS_ANSWER_F1, HAS_ANSWER), HAS_ANSWER
        ),
        "no_answer_accuracy": Metric(
            "accuracy where there is none", share(NO_ANSWER_RIGHT, NO_ANSWER), NO_ANSWER
        ),
    }
    aspects = ("answer",)

    def __init__(self, version: Version) -> None:
        self.version = version

    def truths(self, examples: Sequence[Question], tokenizer: Tokenizer) -> Sequence[Question]:
        """The questions, which have their answers."""
        return examples

    def counts(self, truths: Sequence[Question], answers: Sequence[Answered]) -> Counts:
        """Counts [questions, NUM_COUNTS]; exact match is 0 or 1, F1 from 0 to 1."""
        rows = np.zeros((len(truths), NUM_COUNTS))
        for row, question, answer in zip(rows, truths, answers, strict=True):
            exact, f1 = scores(question, answer.text, self.version)
            none = question.is_impossible
            row[:] = 1, exact, f1, not none, f1 * (not none), none, exact * none
        return rows

    def tables(
        self,
        truths: Sequence[Question],
        answers: Sequence[Answered],
        counts: Counts,
        labels: Labels,
    ) -> tuple[Table, ...]:
        """Results by the word that asks, and by article."""
        shown = {name: self.metrics[name] for name in ("answer_f1", "exact_match")}
        words = [question_word(truth.question) for truth in truths]
        articles = [truth.article or UNTITLED for truth in truths]
        return (
            group_table("By question word", words, (*QUESTION_WORDS, OTHER), counts, shown),
            group_table("By article", articles, sorted(set(articles)), counts, shown),
        )

    def baselines(
        self, train: Sequence[Question], test: Sequence[Question]
    ) -> dict[str, dict[str, float]]:
        """Metrics of never answering."""
        counts = self.counts(test, [_NoAnswer()] * len(test))
        return {"no answer to any question": metrics_of(counts, self.metrics)}


class _NoAnswer:
    text = ""


def question_word(question: str) -> str:
    """The first of QUESTION_WORDS in a question, OTHER if there is none."""
    words = question.lower().split()
    return next((word for word in words if word in QUESTION_WORDS), OTHER)
