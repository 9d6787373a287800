import math
from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bertline.examples import Slot, TaggedText
from bertline.features.batches import Record
from bertline.features.tagged_answers import (
    decode_tagged_text,
    likeliest_tags,
    slots_of,
    word_spans,
)
from bertline.features.tagged_text import encode_tagged_examples, encode_tagged_texts, word_tags
from tests.features.toys import LABELS, MILES, toy_tokenizer

TOKENIZER = toy_tokenizer()
INTENT_LOGITS = np.array([0, math.log(3)], np.float32)


def gold_logits(record: Record, padding: int = 0) -> NDArray[np.float32]:
    """One-hot logits of the gold tags; elsewhere logits that must not be looked at."""
    logits = np.zeros((len(record["tag_ids"]) + padding, len(LABELS["tags"])), np.float32)
    logits[:, 4] = 1
    for token, tag in enumerate(record["tag_ids"]):
        if tag >= 0:
            logits[token] = np.eye(len(LABELS["tags"]))[tag]
    return logits


def test_an_answer_computed_by_hand() -> None:
    [record] = encode_tagged_examples(TOKENIZER, [MILES], LABELS, max_seq_length=64)
    logits = gold_logits(record, padding=3)
    answer = decode_tagged_text(record, INTENT_LOGITS, logits, LABELS)
    assert answer.intent == "PlayMusic"
    assert answer.probability == pytest.approx(0.75)
    assert answer.slots == MILES.slots
    assert answer.tags == ["O", "O", "B-genre", "O", "B-artist", "I-artist", "O"]


def test_words_cut_off_are_outside() -> None:
    [record] = encode_tagged_examples(TOKENIZER, [MILES], LABELS, max_seq_length=7)
    answer = decode_tagged_text(record, INTENT_LOGITS, gold_logits(record), LABELS)
    assert answer.tags == ["O", "O", "B-genre", "O", "B-artist", "O", "O"]
    # Of "Miles" the first piece is left.
    assert answer.slots == (Slot("genre", 10, 14), Slot("artist", 18, 21))


@pytest.mark.parametrize("text", ["", "\u200b", "\u0301 "])
def test_a_text_without_words_has_an_intent_only(text: str) -> None:
    [record] = encode_tagged_texts(TOKENIZER, [text], 8)
    slot_logits = np.ones((8, len(LABELS["tags"])), np.float32)
    answer = decode_tagged_text(record, INTENT_LOGITS, slot_logits, LABELS)
    assert (answer.intent, answer.slots, answer.tags) == ("PlayMusic", (), [])


def test_large_logits_do_not_overflow() -> None:
    [record] = encode_tagged_texts(TOKENIZER, [""], 8)
    slot_logits = np.zeros((2, len(LABELS["tags"])), np.float32)
    logits = np.array([2e4, -2e4], np.float32)
    assert decode_tagged_text(record, logits, slot_logits, LABELS).probability == 1


@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        # The best tags of each word alone: O I-a, I-a O, B-a I-b, which may not stand so.
        ([[3, 0, 0, 0, 0], [2, 1, 4, 0, 0]], ["O", "O"]),
        ([[3, 2, 0, 0, 0], [2, 1, 9, 0, 0]], ["B-a", "I-a"]),
        ([[0, 2, 3, 0, 0], [9, 0, 0, 0, 0]], ["B-a", "O"]),
        ([[0, 5, 0, 4, 0], [0, 0, 0, 0, 3]], ["B-b", "I-b"]),
        ([[0, 9, 0, 4, 0], [0, 0, 2, 0, 3]], ["B-a", "I-a"]),
        # What may stand so is left alone.
        ([[0, 0, 0, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 1, 0]], ["B-b", "I-b", "B-b"]),
        ([], []),
    ],
)
def test_tags_are_the_likeliest_sequence(logits: list[list[int]], expected: list[str]) -> None:
    tags = ("O", "B-a", "I-a", "B-b", "I-b")
    assert likeliest_tags(np.array(logits, np.float32), tags) == expected


@given(st.lists(st.lists(st.floats(-9, 9, width=32), min_size=5, max_size=5), max_size=4))
def test_no_other_sequence_is_likelier(logits: list[list[float]]) -> None:
    tags = ("O", "B-a", "I-a", "B-b", "I-b")
    array = np.array(logits, np.float32).reshape(-1, 5)

    def score(path: Sequence[str]) -> float:
        allowed = all(t[0] != "I" or p[1:] == t[1:] for p, t in pairwise(("O", *path)))
        columns = [tags.index(tag) for tag in path]
        return float(array[range(len(path)), columns].sum()) if allowed else -math.inf

    best = max(score(path) for path in product(tags, repeat=len(array)))
    assert score(likeliest_tags(array, tags)) == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O B-a I-a O", [("a", 1, 2)]),
        ("I-a I-a O I-b", [("a", 0, 1), ("b", 3, 3)]),
        ("B-a I-b I-b B-b", [("a", 0, 0), ("b", 1, 2), ("b", 3, 3)]),
        ("B-a B-a I-a I-b", [("a", 0, 0), ("a", 1, 2), ("b", 3, 3)]),
        ("O O O O", []),
    ],
)
def test_slots_follow_the_conll_rule(tags: str, expected: list[tuple[str, int, int]]) -> None:
    spans = [(0, 4), (5, 9), (9, 10), (11, 15)]
    slots = [Slot(label, spans[first][0], spans[last][1]) for label, first, last in expected]
    assert slots_of(tags.split(), spans) == tuple(slots)


@pytest.mark.parametrize("do_lower_case", [True, False])
def test_words_do_not_overlap_where_an_accent_follows_a_mark(do_lower_case: bool) -> None:
    text = "in.\u0301par \u0301"
    [record] = encode_tagged_texts(toy_tokenizer(do_lower_case=do_lower_case), [text], 16)
    # The accent is stripped, and so belongs to the dot; or it is kept, and begins a word.
    bound = 4 if do_lower_case else 3
    last = [] if do_lower_case else [(8, 9)]
    assert word_spans(record) == [(0, 2), (2, bound), (bound, 7), *last]


def test_word_spans_hold_all_of_the_word() -> None:
    text = "cafe\u0301\u0302 Miles\u200b, par👨\u200d👩is"
    [record] = encode_tagged_texts(TOKENIZER, [text], 64)
    assert [text[start:end] for start, end in word_spans(record)] == [
        "cafe\u0301\u0302",
        "Miles",
        ",",
        "par👨\u200d👩is",
    ]


def test_words_of_a_cased_model_do_not_overlap() -> None:
    # The mark after the full stop is a part of the next word, for nothing strips it.
    text = "jazz.\u0301e by"
    [record] = encode_tagged_texts(toy_tokenizer(do_lower_case=False), [text], 64)
    spans = word_spans(record)
    assert [text[start:end] for start, end in spans] == ["jazz", ".", "\u0301e", "by"]


WORDS = ["play", "Miles", "Paris", "cafe\u0301", "CAFÉ", "你", "🎷", "👨\u200d👩", "don't", "[SEP]"]
GAPS = [" ", "  ", "\u00a0", "\t", " \u200b "]


@given(st.data())
def test_gold_tags_give_back_the_gold_slots(data: st.DataObject) -> None:
    words = data.draw(st.lists(st.sampled_from(WORDS), max_size=8))
    gaps = data.draw(st.lists(st.sampled_from(GAPS), min_size=len(words), max_size=len(words)))
    text = "".join(gap + word for gap, word in zip(gaps, words, strict=True))
    [record] = encode_tagged_texts(TOKENIZER, [text], 128)
    spans = word_spans(record)
    slots = []
    position = 0
    while position < len(spans):
        length = data.draw(st.integers(1, 3))
        label = data.draw(st.sampled_from(["artist", "genre", None]))
        covered = spans[position : position + length]
        if label:
            slots.append(Slot(label, covered[0][0], covered[-1][1]))
        position += length
    example = TaggedText("x", text, "PlayMusic", tuple(slots))
    [record] = encode_tagged_examples(TOKENIZER, [example], LABELS, 128)
    answer = decode_tagged_text(record, INTENT_LOGITS, gold_logits(record), LABELS)
    assert answer.slots == example.slots
    assert answer.tags == word_tags(TOKENIZER.encode([text])[0], slots)
