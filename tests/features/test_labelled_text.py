import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertline.errors import DataError
from bertline.examples import LabelledText
from bertline.features.answers import Meanings
from bertline.features.batches import FeatureSet
from bertline.features.labelled_text import (
    LabelAnswer,
    decode_labelled_texts,
    encode_labelled_texts,
    encode_texts,
    truncated,
    truncated_lengths,
)
from bertline.features.spec import AnswerSpec, InputSpec, Truncation
from tests.features.toys import toy_tokenizer, vocab_id

TOKENIZER = toy_tokenizer()
CLASSES = {"classes": ["Negative", "Positive"]}


def ids(*tokens: str) -> list[int]:
    return [vocab_id(token) for token in tokens]


def test_a_text_by_hand() -> None:
    [record] = encode_texts(TOKENIZER, ["play some jazz"], InputSpec(max_seq_length=8))
    assert record.id == "0"
    assert record["input_ids"].tolist() == ids("[CLS]", "play", "some", "jazz", "[SEP]")
    assert record["segment_ids"].tolist() == [0] * 5
    assert record["num_tokens"].tolist() == [5]


def test_a_pair_by_hand() -> None:
    [record] = encode_texts(TOKENIZER, [("play jazz", "some jazz")], InputSpec(max_seq_length=8))
    tokens = ("[CLS]", "play", "jazz", "[SEP]", "some", "jazz", "[SEP]")
    assert record["input_ids"].tolist() == ids(*tokens)
    assert record["segment_ids"].tolist() == [0, 0, 0, 0, 1, 1, 1]


def test_the_longer_of_a_pair_is_cut() -> None:
    items = [("play play play play", "jazz"), ("play", "jazz jazz jazz jazz")]
    one, other = encode_texts(TOKENIZER, items, InputSpec(max_seq_length=6))
    tokens = ("[CLS]", "play", "play", "[SEP]", "jazz", "[SEP]")
    assert one["input_ids"].tolist() == ids(*tokens)
    tokens = ("[CLS]", "play", "[SEP]", "jazz", "jazz", "[SEP]")
    assert other["input_ids"].tolist() == ids(*tokens)
    assert one["num_tokens"].tolist() == [8]


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 60))
def test_cutting_is_that_of_one_token_after_another(first: int, second: int, room: int) -> None:
    left, right = first, second
    while left + right > room:
        if left > right:
            left -= 1
        else:
            right -= 1
    assert truncated_lengths(first, second, room) == (left, right)


@pytest.mark.parametrize(
    ("truncation", "kept"),
    [
        ("head", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("tail", [3, 4, 5, 6, 7, 8, 9, 10]),
        ("head_tail", [1, 2, 5, 6, 7, 8, 9, 10]),
    ],
)
def test_which_part_of_a_long_text_is_kept(truncation: Truncation, kept: list[int]) -> None:
    assert truncated(list(range(1, 11)), 8, truncation) == kept
    assert truncated(kept, 8, truncation) == kept


def test_a_text_is_cut_as_the_spec_says() -> None:
    inputs = InputSpec(max_seq_length=4, truncation="tail")
    [record] = encode_texts(TOKENIZER, ["play some jazz"], inputs)
    assert record["input_ids"].tolist() == ids("[CLS]", "some", "jazz", "[SEP]")
    assert record["num_tokens"].tolist() == [5]


def test_examples_have_ids_and_classes() -> None:
    examples = [
        LabelledText("a", "play", "Positive"),
        LabelledText("b", "some", "Negative", "jazz"),
    ]
    one, other = encode_labelled_texts(TOKENIZER, examples, CLASSES, InputSpec())
    assert (one.id, one["label_id"].tolist()) == ("a", [1])
    assert (other.id, other["label_id"].tolist()) == ("b", [0])
    assert other["segment_ids"].tolist() == [0, 0, 0, 1, 1]


def test_a_class_that_training_has_not() -> None:
    with pytest.raises(DataError, match="'a': class 'Mixed' is not one of the training data's"):
        encode_labelled_texts(TOKENIZER, [LabelledText("a", "x", "Mixed")], CLASSES, InputSpec())


def test_an_answer_by_hand() -> None:
    features = FeatureSet.of(encode_texts(TOKENIZER, ["play", "jazz " * 9], InputSpec()))
    logits = [
        {"label_logits": np.array([0, np.log(3)], np.float32)},
        {"label_logits": np.array([2e4, -2e4], np.float32)},
    ]
    meanings = Meanings(TOKENIZER, CLASSES, AnswerSpec())
    one, other = decode_labelled_texts(["play", "jazz " * 9], features, logits, meanings)
    assert one.label == "Positive"
    assert one.probabilities == pytest.approx({"Negative": 0.25, "Positive": 0.75})
    assert (other.label, other.probabilities) == ("Negative", {"Negative": 1.0, "Positive": 0.0})
    assert not one.truncated


def test_a_text_that_was_cut_is_said_to_be() -> None:
    inputs = InputSpec(max_seq_length=4)
    features = FeatureSet.of(encode_texts(TOKENIZER, ["play some jazz"], inputs))
    logits = [{"label_logits": np.array([1, 0], np.float32)}]
    meanings = Meanings(TOKENIZER, CLASSES, AnswerSpec())
    [answer] = decode_labelled_texts(["play some jazz"], features, logits, meanings)
    assert answer.truncated


def test_an_answer_told() -> None:
    answer = LabelAnswer("Positive", {"Negative": 0.25, "Positive": 0.75})
    assert answer.aspects() == {"class": "Positive"}
    assert answer.lines("x") == ["Positive (Negative 0.250, Positive 0.750)"]
    assert answer.as_json("x") == {
        "label": "Positive",
        "probabilities": {"Negative": 0.25, "Positive": 0.75},
        "truncated": False,
    }
