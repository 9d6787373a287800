"""Questions and their contexts as windows of tokens, as the SQuAD code of the BERT paper cuts them.

A window is [CLS] question [SEP] part of the context [SEP]. Windows follow one another by a step of
doc_stride tokens, until one reaches the context's end.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, Self

import numpy as np

from bertline.datasets.words import split_words
from bertline.errors import ConfigError, DataError
from bertline.examples import Question
from bertline.features.batches import IntArray, Record
from bertline.features.context import Context
from bertline.features.spec import AnswerPlaces
from bertline.features.tokenizer import Tokenizer


def encode_questions(
    tokenizer: Tokenizer,
    items: Sequence[tuple[str, str]],
    max_seq_length: int,
    doc_stride: int,
    max_query_length: int,
    answer_places: AnswerPlaces = "characters",
) -> list[Record]:
    """One or more consecutive records for each (question, context); the id is its number, from "0".

    Columns, T being the tokens of the window, at most max_seq_length: input_ids [T];
    segment_ids [T]: 0 up to the first [SEP], then 1; max_context [T]: 1 on the context's tokens
    that have more context in this window than in any other, else 0; num_tokens [1]: T. By
    answer_places (see InputSpec) also, on the context's tokens and else 0, either word_ids [T]:
    number of the context's word (see datasets.words), or starts, ends [T]: characters in the
    context. Answers are decoded by what a record has.

    doc_stride: a step in tokens, not an overlap. max_query_length: tokens of a question that are
    kept. A context without tokens has one window. Raises ConfigError for lengths that leave no
    room for a context or no step, DataError for text that is not valid Unicode.
    """
    numbers = [str(number) for number in range(len(items))]
    lengths = _Lengths.of(max_seq_length, doc_stride, max_query_length)
    return [
        window.record
        for _, windows in _cut(tokenizer, numbers, items, lengths, answer_places)
        for window in windows
    ]


def encode_question_examples(
    tokenizer: Tokenizer,
    examples: Sequence[Question],
    max_seq_length: int,
    doc_stride: int,
    max_query_length: int,
    answer_places: AnswerPlaces = "characters",
) -> list[Record]:
    """As `encode_questions`, with the examples' ids and two more columns.

    start_position, end_position [1]: first and last token of the first gold answer, by characters
    those that cover it; both 0 where it is not whole in the window, where the question is
    impossible, and where the context does not have the answer's text at its place.
    """
    ids = [example.id for example in examples]
    items = [(example.question, example.context) for example in examples]
    lengths = _Lengths.of(max_seq_length, doc_stride, max_query_length)
    answers = [example.answers[0] if example.answers else None for example in examples]
    words = {answer.text: split_words(answer.text) for answer in answers if answer}
    pieces = tokenizer.encode_words(chain.from_iterable(words.values()))
    records = []
    for answer, (context, windows) in zip(
        answers, _cut(tokenizer, ids, items, lengths, answer_places), strict=True
    ):
        span = None
        if answer and context.has(answer):
            if answer_places == "characters":
                span = context.tokens_at(answer.start, answer.start + len(answer.text))
            else:
                own = [id for word in words[answer.text] for id in pieces[word].ids]
                span = context.tokens_in_words(answer, own)
        for window in windows:
            start, end = window.positions(*span) if span else (0, 0)
            window.record.columns["start_position"] = np.array([start], np.int32)
            window.record.columns["end_position"] = np.array([end], np.int32)
            records.append(window.record)
    return records


class _Lengths(NamedTuple):
    max_seq_length: int
    doc_stride: int
    max_query_length: int

    @classmethod
    def of(cls, max_seq_length: int, doc_stride: int, max_query_length: int) -> Self:
        if doc_stride < 1:
            raise ConfigError(f"doc_stride = {doc_stride}: windows do not advance; give 1 or more")
        if max_query_length < 1:
            raise ConfigError(f"max_query_length = {max_query_length}: give 1 or more")
        if max_seq_length < max_query_length + 4:
            raise ConfigError(
                f"max_seq_length = {max_seq_length}: a question of max_query_length = "
                f"{max_query_length} tokens and 3 special ones leave no room for the context; "
                f"give {max_query_length + 4} or more, or lower max_query_length"
            )
        return cls(max_seq_length, doc_stride, max_query_length)


@dataclass(frozen=True, slots=True)
class _Window:
    """A record, and where its tokens of the context come from.

    The tokens [start, end) of the context are at [offset, …) of the record.
    """

    record: Record
    start: int
    end: int
    offset: int

    def positions(self, first: int, last: int) -> tuple[int, int]:
        """Places in the record of two tokens of the context; 0 and 0 if not both are in it."""
        if first < self.start or last >= self.end:
            return 0, 0
        shift = self.offset - self.start
        return first + shift, last + shift


def _cut(
    tokenizer: Tokenizer,
    ids: Sequence[str],
    items: Sequence[tuple[str, str]],
    lengths: _Lengths,
    answer_places: AnswerPlaces,
) -> Iterator[tuple[Context, list[_Window]]]:
    """The context and the windows of each item."""
    for id, item in zip(ids, items, strict=True):
        _check_unicode(id, item)
    words = {text: split_words(text) for text in set(chain.from_iterable(items))}
    pieces = tokenizer.encode_words(chain.from_iterable(words.values()))
    contexts = {
        text: Context.of(text, [pieces[word] for word in words[text]])
        for text in {text for _, text in items}
    }
    for id, (question, text) in zip(ids, items, strict=True):
        context = contexts[text]
        query = [id for word in words[question] for id in pieces[word].ids]
        front = np.array(
            [tokenizer.cls_id, *query[: lengths.max_query_length], tokenizer.sep_id], np.int32
        )
        places = context.places(answer_places)
        room = lengths.max_seq_length - len(front) - 1
        yield (
            context,
            [
                _window(id, front, context.ids, start, max_context, places, tokenizer.sep_id)
                for start, max_context in _plan(len(context.ids), room, lengths.doc_stride)
            ],
        )


def _check_unicode(id: str, item: tuple[str, str]) -> None:
    for text in item:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            part = text[max(error.start - 20, 0) : error.end + 20]
            raise DataError(
                f"question {id!r}: not valid Unicode at character {error.start} ({part!r}); "
                "correct it"
            ) from None


def _window(
    id: str,
    front: IntArray,
    context_ids: IntArray,
    start: int,
    max_context: IntArray,
    places: dict[str, IntArray],
    sep_id: int,
) -> _Window:
    offset, end = len(front), start + len(max_context)
    length = offset + len(max_context) + 1
    rows = np.zeros((3 + len(places), length), np.int32)
    rows[0, :offset] = front
    rows[0, offset:-1] = context_ids[start:end]
    rows[0, -1] = sep_id
    rows[1, offset:] = 1
    rows[2, offset:-1] = max_context
    for row, values in zip(rows[3:], places.values(), strict=True):
        row[offset:-1] = values[start:end]
    names = ("input_ids", "segment_ids", "max_context", *places)
    columns = dict(zip(names, rows, strict=True))
    columns["num_tokens"] = np.array([length], np.int32)
    return _Window(Record(id, columns), start, end, offset)


@functools.lru_cache(maxsize=4096)
def _plan(num_tokens: int, room: int, doc_stride: int) -> list[tuple[int, IntArray]]:
    """(first token, max_context of the tokens) of each window over a context.

    A token's context in a window is min(tokens left of it, right of it) + 0.01 · tokens of the
    window; of equal windows the first has the most.
    """
    step = min(doc_stride, room)
    count = 1 + max(0, -(-(num_tokens - room) // step))
    starts = np.arange(count)[:, None] * step
    lengths = np.minimum(num_tokens - starts, room)
    left = np.arange(num_tokens) - starts
    right = lengths - 1 - left
    scores = np.where((left >= 0) & (right >= 0), np.minimum(left, right) + 0.01 * lengths, -np.inf)
    best = scores.argmax(axis=0)
    return [
        (start, (best[start : start + length] == number).astype(np.int32))
        for number, (start, length) in enumerate(
            zip(starts[:, 0].tolist(), lengths[:, 0].tolist(), strict=True)
        )
    ]
