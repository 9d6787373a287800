"""Logits of windows in, the answer to a question out, as write_predictions of the BERT paper.

The rules are those of run_squad.py (Devlin et al. 2019, arXiv:1810.04805), but for the place of an
answer, which is by default that of its tokens' characters (docs/decisions/0016).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertline.datasets.words import Words
from bertline.features.answer_texts import AnswerTexts
from bertline.features.answers import Item, Meanings, rows_by_example
from bertline.features.answers import Logits as OfRow
from bertline.features.batches import FeatureSet, Record
from bertline.features.tokenizer import Tokenizer

Logits = NDArray[np.float32]

# What the paper's code answers where no span is allowed and there is no "no answer".
NO_SPAN = "empty"


class Candidate(NamedTuple):
    """One of the best answers; probability: softmax of the summed logits of all of them."""

    text: str
    probability: float
    start_logit: float
    end_logit: float


@dataclass(frozen=True, slots=True)
class SpanAnswer:
    """What a model says to one question.

    text: the answer, "" if the context has none. start, end: its characters [start, end) in the
    context, None if there is none; `text` has one space where the context has other white space.
    probability: that of `text` among the candidates. n_best: the best candidates, the highest
    logits first. null_odds: logits of no answer minus those of the best answer, None where
    every question has an answer, infinite where no span was allowed. truncated: always False, as
    windows cover the whole context.
    """

    text: str
    start: int | None
    end: int | None
    probability: float
    n_best: tuple[Candidate, ...]
    null_odds: float | None = None
    truncated: bool = False

    def aspects(self) -> dict[str, Any]:
        """What is compared between answers: aspect → value."""
        return {"answer": self.text}

    def lines(self, item: object) -> list[str]:
        """The answer for people, a line."""
        text = "none" if self.start is None else self.text
        return [f"answer: {text} ({self.probability:.2f})"]

    def as_json(self, item: object) -> dict[str, Any]:
        """The answer as JSON values; infinite odds are null."""
        odds = self.null_odds
        return {
            "answer": self.text,
            "start": self.start,
            "end": self.end,
            "probability": self.probability,
            "null_odds": None if odds is None or math.isinf(odds) else odds,
            "n_best": [candidate._asdict() for candidate in self.n_best],
        }


class _Span(NamedTuple):
    """Tokens first to last of a window, and their logits; of no answer both tokens are [CLS]."""

    window: int
    first: int
    last: int
    start_logit: float
    end_logit: float

    @property
    def score(self) -> float:
        return self.start_logit + self.end_logit


@dataclass(frozen=True, slots=True)
class _Found:
    """A span as text, and its characters [start, end) in the context, None for no answer."""

    span: _Span
    text: str
    start: int | None = None
    end: int | None = None


def decode_questions(
    items: Sequence[Item], features: FeatureSet, logits: Sequence[OfRow], meanings: Meanings
) -> list[SpanAnswer]:
    """One answer a (question, context), from its windows in `features` and their logits."""
    answering = meanings.answering
    return [
        decode_question(
            meanings.tokenizer,
            item[1],
            [features.record(row) for row in rows],
            [logits[row]["start_logits"] for row in rows],
            [logits[row]["end_logits"] for row in rows],
            answering.n_best_size,
            answering.max_answer_length,
            answering.null_threshold,
        )
        for item, rows in zip(items, rows_by_example(features.ids), strict=True)
    ]


def decode_question(
    tokenizer: Tokenizer,
    context: str,
    records: Sequence[Record],
    start_logits: Sequence[Logits],
    end_logits: Sequence[Logits],
    n_best_size: int = 20,
    max_answer_length: int = 30,
    null_threshold: float | None = None,
) -> SpanAnswer:
    """The answer to the question whose windows are `records`, of which there is at least one.

    start_logits, end_logits: float32 [length] for each window. The n_best_size highest of each are
    looked at, those of padding among them: give only the record's T for an answer that does not
    depend on padding. max_answer_length: in tokens.

    null_threshold: None where every question has an answer (v1.1); else the answer is "" where
    null_odds exceed it (v2.0). Without an allowed span it is "empty" in v1.1 and "" in v2.0.
    """
    spans = _allowed_spans(records, start_logits, end_logits, n_best_size, max_answer_length)
    null = None
    if null_threshold is not None:
        null = _null_span(start_logits, end_logits)
        spans.append(null)
    spans.sort(key=lambda span: -span.score)
    texts = AnswerTexts(tokenizer, Words.of(context))
    found: dict[str, _Found] = {}
    for span in spans:
        if len(found) == n_best_size:
            break
        answer = _Found(span, "") if span is null else _as_text(texts, records, span)
        found.setdefault(answer.text, answer)
    if null:
        found.setdefault("", _Found(null, ""))
    if not found:
        found[NO_SPAN] = _Found(_Span(0, 0, 0, 0.0, 0.0), NO_SPAN)
    return _choose(list(found.values()), null, null_threshold)


def _as_text(texts: AnswerTexts, records: Sequence[Record], span: _Span) -> _Found:
    start, end = texts.characters(records[span.window], span.first, span.last)
    return _Found(span, texts.words.spelled(start, end), start, end)


def _choose(found: list[_Found], null: _Span | None, null_threshold: float | None) -> SpanAnswer:
    """The answer of the best candidates in order; `null` is one of them unless it is None."""
    scores = np.array([answer.span.score for answer in found])
    weights = np.exp(scores - scores.max())
    probabilities = (weights / weights.sum()).tolist()
    n_best = tuple(
        Candidate(answer.text, probability, answer.span.start_logit, answer.span.end_logit)
        for answer, probability in zip(found, probabilities, strict=True)
    )
    chosen = next((number for number, answer in enumerate(found) if answer.text), None)
    odds = None
    if null is not None and null_threshold is not None:
        odds = math.inf if chosen is None else null.score - found[chosen].span.score
        if odds > null_threshold:
            chosen = None
    if chosen is None:
        chosen = next(number for number, answer in enumerate(found) if not answer.text)
    answer = found[chosen]
    return SpanAnswer(answer.text, answer.start, answer.end, probabilities[chosen], n_best, odds)


def _allowed_spans(
    records: Sequence[Record],
    start_logits: Sequence[Logits],
    end_logits: Sequence[Logits],
    n_best_size: int,
    max_answer_length: int,
) -> list[_Span]:
    """Spans of the highest starts and ends: within the context, in order, not too long.

    The first token has more context in its window than in any other.
    """
    spans: list[_Span] = []
    windows = zip(records, start_logits, end_logits, strict=True)
    for window, (record, of_start, of_end) in enumerate(windows):
        length = len(record["input_ids"])
        context = length - int(record["segment_ids"].sum())
        firsts, lasts = _highest(of_start, n_best_size), _highest(of_end, n_best_size)
        firsts = firsts[firsts < length]
        firsts = firsts[record["max_context"][firsts] == 1]
        lasts = lasts[(lasts >= context) & (lasts < length - 1)]
        lengths = lasts - firsts[:, None] + 1
        rows, columns = np.nonzero((lengths >= 1) & (lengths <= max_answer_length))
        chosen = firsts[rows], lasts[columns]
        logits = of_start[chosen[0]], of_end[chosen[1]]
        values = (array.tolist() for array in (*chosen, *logits))
        spans.extend(_Span(window, *each) for each in zip(*values, strict=True))
    return spans


def _highest(logits: Logits, count: int) -> NDArray[np.int64]:
    """Places of the `count` highest values, the highest first, of equal ones the first first."""
    return np.argsort(-logits, kind="stable")[:count]


def _null_span(start_logits: Sequence[Logits], end_logits: Sequence[Logits]) -> _Span:
    """[CLS] of the window that most believes in an answer."""
    firsts = [(float(s[0]), float(e[0])) for s, e in zip(start_logits, end_logits, strict=True)]
    window = min(range(len(firsts)), key=lambda number: sum(firsts[number]))
    return _Span(window, 0, 0, *firsts[window])
