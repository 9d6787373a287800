from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertline.datasets.words import Words, split_words
from bertline.errors import ConfigError, DataError
from bertline.examples import GoldAnswer, Question
from bertline.features.batches import FeatureSet, Record
from bertline.features.context import Context
from bertline.features.spec import AnswerPlaces
from bertline.features.windows import encode_question_examples, encode_questions
from tests.features.toys import VOCAB, toy_tokenizer

TOKENIZER = toy_tokenizer()
# play some jazz by mil ##es in par ##is .
CONTEXT = "Play some jazz\tby Miles in  Paris."
TEXTS = st.lists(
    st.sampled_from(["play", "Miles", "jazz.", "don't", "💿", "\u200b", "\u0301", "café"]),
    max_size=25,
).map(" ".join)
LENGTHS = st.tuples(st.integers(7, 16), st.integers(1, 12))


def columns(record: Record) -> dict[str, list[int]]:
    return {name: values.tolist() for name, values in record.columns.items()}


def labelled(
    *answers: GoldAnswer,
    context: str = CONTEXT,
    length: int = 8,
    places: AnswerPlaces = "characters",
) -> list[Record]:
    question = Question("q", "article", context, "jazz", answers)
    return encode_question_examples(TOKENIZER, [question], length, 2, 4, places)


def positions(records: list[Record]) -> list[tuple[int, int]]:
    return [(int(r["start_position"][0]), int(r["end_position"][0])) for r in records]


def test_windows_computed_by_hand() -> None:
    # [CLS] jazz [SEP], 4 tokens of the context, [SEP]; steps of 2.
    records = encode_questions(TOKENIZER, [("jazz", CONTEXT)], 8, 2, 4, "words")
    assert [record.id for record in records] == ["0"] * 4
    tokens = [" ".join(VOCAB[id] for id in record["input_ids"]) for record in records]
    assert tokens == [
        "[CLS] jazz [SEP] play some jazz by [SEP]",
        "[CLS] jazz [SEP] jazz by mil ##es [SEP]",
        "[CLS] jazz [SEP] mil ##es in par [SEP]",
        "[CLS] jazz [SEP] in par ##is . [SEP]",
    ]
    assert {tuple(record["segment_ids"].tolist()) for record in records} == {
        (0, 0, 0, 1, 1, 1, 1, 1)
    }
    assert [record["word_ids"].tolist()[3:-1] for record in records] == [
        [0, 1, 2, 3],
        [2, 3, 4, 4],
        [4, 4, 5, 6],
        [5, 6, 6, 6],
    ]
    assert [record["max_context"].tolist() for record in records] == [
        [0, 0, 0, 1, 1, 1, 0, 0],
        [0, 0, 0, 0, 1, 1, 0, 0],
        [0, 0, 0, 0, 1, 1, 0, 0],
        [0, 0, 0, 0, 1, 1, 1, 0],
    ]
    assert [record["num_tokens"].tolist() for record in records] == [[8]] * 4
    assert {array.dtype for record in records for array in record.columns.values()} == {
        np.dtype(np.int32)
    }


def test_of_windows_with_equal_context_the_first_has_the_token() -> None:
    # 2 tokens a window, steps of 1: each has none on one side.
    records = encode_questions(TOKENIZER, [("jazz", "play some jazz")], 6, 1, 2)
    assert [record["max_context"].tolist()[3:-1] for record in records] == [[1, 1], [0, 1]]


def test_a_stride_beyond_the_window_skips_nothing() -> None:
    records = encode_questions(TOKENIZER, [("jazz", CONTEXT)], 8, 100, 4)
    tokens = [VOCAB[id] for record in records for id in record["input_ids"][3:-1]]
    assert tokens == ["play", "some", "jazz", "by", "mil", "##es", "in", "par", "##is", "."]


def test_a_question_is_cut_and_a_context_without_tokens_has_one_window() -> None:
    [cut, empty] = encode_questions(
        TOKENIZER, [("play some jazz", "de"), ("by", "\u200b")], 8, 2, 2
    )
    assert " ".join(VOCAB[id] for id in cut["input_ids"]) == "[CLS] play some [SEP] de [SEP]"
    assert " ".join(VOCAB[id] for id in empty["input_ids"]) == "[CLS] by [SEP] [SEP]"
    assert empty["max_context"].tolist() == [0, 0, 0, 0]


def test_positions_of_an_answer_in_its_windows() -> None:
    assert positions(labelled(GoldAnswer("Miles", 18))) == [(0, 0), (5, 6), (3, 4), (0, 0)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        # Narrowed to its own tokens, punctuation and pieces of words.
        (GoldAnswer("Paris", 28), "par ##is"),
        (GoldAnswer("in  Paris", 24), "in par ##is"),
        (GoldAnswer("Par", 28), "par"),
        # No tokens of the word are the answer's: the whole word.
        (GoldAnswer("iles", 19), "mil ##es"),
        (GoldAnswer("some jazz\tby", 5), "some jazz by"),
    ],
)
@pytest.mark.parametrize("places", get_args(AnswerPlaces))
def test_the_tokens_of_an_answer(answer: GoldAnswer, expected: str, places: AnswerPlaces) -> None:
    [record] = labelled(answer, GoldAnswer("Play", 0), length=64, places=places)
    [(start, end)] = positions([record])
    assert " ".join(VOCAB[id] for id in record["input_ids"][start : end + 1]) == expected


@pytest.mark.parametrize(
    ("context", "answer", "expected"),
    [
        # By words the first place that has its tokens is taken.
        ("jazz.jazz", GoldAnswer("jazz", 5), {"characters": (5, 5), "words": (3, 3)}),
        ("你de你de", GoldAnswer("de", 4), {"characters": (6, 6), "words": (4, 4)}),
        # By words an answer whose tokens are others by itself is the whole word.
        ("你Paris你", GoldAnswer("ari", 2), {"characters": (4, 5), "words": (3, 6)}),
        ("Miles", GoldAnswer("es", 3), {"characters": (4, 4), "words": (3, 4)}),
        ("jazz\u200b\u3000de", GoldAnswer("de", 6), {"characters": (4, 4), "words": (4, 4)}),
        # Nothing but what the tokenizer deletes: no token.
        ("jazz \u200b de", GoldAnswer("\u200b", 5), {"characters": (0, 0)}),
    ],
)
def test_the_tokens_of_an_answer_in_text_without_spaces(
    context: str, answer: GoldAnswer, expected: dict[AnswerPlaces, tuple[int, int]]
) -> None:
    for places, position in expected.items():
        [record] = labelled(answer, context=context, length=64, places=places)
        assert positions([record]) == [position], places


def test_records_have_the_characters_of_their_tokens() -> None:
    records = encode_questions(TOKENIZER, [("jazz", CONTEXT)], 8, 2, 4)
    assert "word_ids" not in records[0].columns
    spans = [
        [CONTEXT[start:end] for start, end in zip(r["starts"], r["ends"], strict=True)]
        for r in records
    ]
    assert spans == [
        ["", "", "", "Play", "some", "jazz", "by", ""],
        ["", "", "", "jazz", "by", "Mil", "es", ""],
        ["", "", "", "Mil", "es", "in", "Par", ""],
        ["", "", "", "in", "Par", "is", ".", ""],
    ]


def test_tokens_that_share_a_character_are_chosen_by_where_they_begin_or_end() -> None:
    context = Context(
        words=Words.of("abc"),
        ids=np.arange(4, dtype=np.int32),
        word_ids=np.zeros(4, np.int32),
        starts=np.array([0, 1, 1, 2], np.int32),
        ends=np.array([2, 2, 2, 3], np.int32),
        first_tokens=[0, 4],
    )
    assert context.tokens_at(1, 2) == (1, 2)
    assert context.tokens_at(0, 3) == (0, 3)
    assert context.tokens_at(2, 3) == (3, 3)
    assert context.tokens_at(3, 4) is None


@pytest.mark.parametrize(
    "answers", [(), (GoldAnswer("Duke", 3),), (GoldAnswer("Play", 99),), (GoldAnswer("", 3),)]
)
def test_without_an_answer_at_its_place_positions_are_0(answers: tuple[GoldAnswer, ...]) -> None:
    assert positions(labelled(*answers, length=64)) == [(0, 0)]


def test_windows_of_several_examples_follow_one_another() -> None:
    examples = [
        Question("b", "x", CONTEXT, "jazz", (GoldAnswer("Miles", 18),)),
        Question("a", "x", "jazz", "play", (GoldAnswer("jazz", 0),)),
    ]
    records = encode_question_examples(TOKENIZER, examples, 8, 2, 4)
    assert [record.id for record in records] == ["b", "b", "b", "b", "a"]
    assert positions(records)[-1] == (3, 3)
    unlabelled = encode_questions(TOKENIZER, [("jazz", CONTEXT), ("play", "jazz")], 8, 2, 4)
    for one, other in zip(records, unlabelled, strict=True):
        labels = {"start_position", "end_position"}
        assert {n: v for n, v in columns(one).items() if n not in labels} == columns(other)
    assert FeatureSet.of(records).lengths.tolist() == [8, 8, 8, 8, 5]


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ((8, 0, 4), "doc_stride = 0: windows do not advance; give 1 or more"),
        ((8, 2, 0), "max_query_length = 0: give 1 or more"),
        ((67, 2, 64), "max_seq_length = 67: a question of max_query_length = 64 tokens and 3"),
    ],
)
def test_lengths_that_leave_no_room_are_told(lengths: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        encode_questions(TOKENIZER, [("jazz", CONTEXT)], *lengths)
    with pytest.raises(ConfigError, match=message):
        encode_question_examples(TOKENIZER, [], *lengths)


@pytest.mark.parametrize("item", [("a\ud83d", "jazz"), ("jazz", "a\ud83d")])
def test_a_lone_surrogate_is_told_with_the_question(item: tuple[str, str]) -> None:
    with pytest.raises(
        DataError, match=r"^question '1': not valid Unicode at character 1 \('a\\ud"
    ):
        encode_questions(TOKENIZER, [("jazz", "jazz"), item], 8, 2, 4)


@given(TEXTS, TEXTS, LENGTHS)
def test_windows_cover_the_context_and_its_words(
    question: str, context: str, lengths: tuple[int, int]
) -> None:
    length, doc_stride = lengths
    records = encode_questions(TOKENIZER, [(question, context)], length, doc_stride, 3, "words")
    [encoding] = TOKENIZER.encode([context])
    words = split_words(context)
    pieces = TOKENIZER.encode_words(words)
    front = int((records[0]["segment_ids"] == 0).sum())
    step = min(doc_stride, length - front - 1)
    seen: dict[int, int] = {}
    for number, record in enumerate(records):
        ids = record["input_ids"].tolist()
        assert len(ids) <= length
        part = ids[front:-1]
        assert part == encoding.ids[number * step : number * step + len(part)]
        for place, (id, word) in enumerate(zip(part, record["word_ids"][front:-1], strict=True)):
            assert id in pieces[words[word]].ids
            token = number * step + place
            seen[token] = seen.get(token, 0) + int(record["max_context"][front + place])
    # Every token of the context is in a window, and one window has the most context of it.
    assert seen == dict.fromkeys(range(len(encoding.ids)), 1)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=5), st.integers(0, 5), LENGTHS)
def test_windows_are_alike_in_every_batch(
    items: list[tuple[str, str]], cut: int, lengths: tuple[int, int]
) -> None:
    whole = encode_questions(TOKENIZER, items, *lengths, 3)
    other = toy_tokenizer()
    parts = [
        record
        for part in (items[cut:], items[:cut])
        for record in encode_questions(other, part, *lengths, 3)
    ]
    assert sorted(map(str, map(columns, whole))) == sorted(map(str, map(columns, parts)))
