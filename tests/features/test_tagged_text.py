import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertline.errors import DataError
from bertline.examples import Slot, TaggedText
from bertline.features.batches import Record
from bertline.features.kinds import KINDS
from bertline.features.tagged_text import (
    encode_tagged_examples,
    encode_tagged_texts,
    tag_labels,
    word_tags,
)
from tests.features.toys import LABELS, MILES, VOCAB, toy_tokenizer, vocab_id

TOKENIZER = toy_tokenizer()


def columns(record: Record) -> dict[str, list[int]]:
    return {name: values.tolist() for name, values in record.columns.items()}


def test_tag_labels() -> None:
    assert tag_labels(["artist", "genre"]) == LABELS["tags"]
    labels = KINDS["tagged_text"].labels({"intents": ["X"], "slots": ["a-b"]})
    assert labels == {"intents": ["X"], "tags": ["O", "B-a-b", "I-a-b"]}


def test_a_record_computed_by_hand() -> None:
    [record] = encode_tagged_examples(TOKENIZER, [MILES], LABELS, max_seq_length=64)
    pieces = ["[CLS]", "play", "some", "jazz", "by", "mil", "##es", "davis", ".", "[SEP]"]
    assert record.id == "t0"
    assert columns(record) == {
        "input_ids": [vocab_id(piece) for piece in pieces],
        "starts": [0, 0, 5, 10, 15, 18, 21, 24, 29, 0],
        "ends": [0, 4, 9, 14, 17, 21, 23, 29, 30, 0],
        "word_starts": [0, 1, 1, 1, 1, 1, 0, 1, 1, 0],
        "num_tokens": [10],
        "num_words": [7],
        "tag_ids": [-1, 0, 0, 3, 0, 1, -1, 2, 0, -1],
        "intent_id": [1],
    }
    assert {values.dtype for values in record.columns.values()} == {np.dtype(np.int32)}


def test_truncation_keeps_both_special_tokens_and_the_counts() -> None:
    [record] = encode_tagged_examples(TOKENIZER, [MILES], LABELS, max_seq_length=7)
    pieces = ["[CLS]", "play", "some", "jazz", "by", "mil", "[SEP]"]
    assert [VOCAB[i] for i in record["input_ids"]] == pieces
    assert record["tag_ids"].tolist() == [-1, 0, 0, 3, 0, 1, -1]
    assert record["word_starts"].tolist() == [0, 1, 1, 1, 1, 1, 0]
    assert (record["num_tokens"].item(), record["num_words"].item()) == (10, 7)


def test_texts_are_numbered_and_have_no_labels() -> None:
    records = encode_tagged_texts(TOKENIZER, ["jazz", "", "\u200b"], max_seq_length=8)
    assert [record.id for record in records] == ["0", "1", "2"]
    assert "tag_ids" not in records[0].columns
    for empty in records[1:]:
        assert empty["input_ids"].tolist() == [TOKENIZER.cls_id, TOKENIZER.sep_id]
        assert empty["word_starts"].tolist() == [0, 0]
        assert empty["num_words"].tolist() == [0]


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ([], "O O O O O O"),
        ([Slot("a", 0, 9)], "B-a I-a O O O O"),
        # A word belongs to the slot that covers its first character, wherever the slot ends.
        ([Slot("a", 5, 7)], "O B-a O O O O"),
        # "azz": no word starts in it.
        ([Slot("a", 11, 14)], "O O O O O O"),
        # Neighbours of one label stay two slots.
        ([Slot("a", 0, 4), Slot("a", 5, 9)], "B-a B-a O O O O"),
        ([Slot("a", 15, 16), Slot("b", 16, 17), Slot("c", 17, 18)], "O O O B-a B-b B-c"),
        # The slot's first word starts before it; its second one is its first tag.
        ([Slot("a", 2, 14)], "O B-a I-a O O O"),
    ],
)
def test_word_tags(slots: list[Slot], expected: str) -> None:
    [encoding] = TOKENIZER.encode(["play some jazz s's"])
    assert word_tags(encoding, slots) == expected.split()


def test_a_slot_of_lost_characters_has_no_word() -> None:
    [encoding] = TOKENIZER.encode(["play \u0301 jazz"])
    assert word_tags(encoding, [Slot("a", 5, 6), Slot("b", 7, 11)]) == ["O", "B-b"]


@pytest.mark.parametrize(
    "example",
    [
        TaggedText("t9", "jazz", "PlayMusic", (Slot("mood", 0, 4),)),
        TaggedText("t9", "jazz", "BookTaxi", ()),
    ],
)
def test_a_label_unknown_to_training_is_told(example: TaggedText) -> None:
    with pytest.raises(DataError, match=r"example 't9': label '(B-mood|BookTaxi)' is not one of"):
        encode_tagged_examples(TOKENIZER, [MILES, example], LABELS, 64)


@given(st.lists(st.text(max_size=30), max_size=6), st.integers(0, 6), st.integers(3, 12))
def test_records_are_alike_in_every_batch(texts: list[str], cut: int, length: int) -> None:
    whole = encode_tagged_texts(TOKENIZER, texts, length)
    parts = [
        record
        for part in (texts[:cut], texts[cut:])
        for record in encode_tagged_texts(TOKENIZER, part, length)
    ]
    assert [columns(record) for record in whole] == [columns(record) for record in parts]
    assert all(len(record["input_ids"]) <= length for record in whole)
