from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.plain_windows import PlainTokenizer, plain_windows
from bertline.datasets import squad
from bertline.examples import GoldAnswer, Question
from bertline.features.tokenizer import Tokenizer
from bertline.features.windows import encode_question_examples
from tests.features.squad_oracle import base_tokenizer
from tests.features.toys import toy_tokenizer

WORDS = ["play", "Miles", "jazz.", "don't", "(café)", "💿", "你好", "\u200b", "e\u0301"]
TEXTS = st.tuples(
    st.lists(st.sampled_from(WORDS), max_size=20),
    st.sampled_from([" ", "\n ", "\u202f", "\u00a0"]),
).map(lambda drawn: drawn[1].join(drawn[0]))


def check(tokenizer: Tokenizer, examples: list[Question], lengths: tuple[int, int, int]) -> None:
    """Both codes make the same windows."""
    plain = PlainTokenizer(tokenizer.vocabulary)
    windows = [w for example in examples for w in plain_windows(plain, example, *lengths)]
    records = encode_question_examples(tokenizer, examples, *lengths, "words")
    assert [record.id for record in records] == [window.id for window in windows]
    for record, window in zip(records, windows, strict=True):
        length = len(record["input_ids"])
        padding = [0] * (lengths[0] - length)
        assert record["input_ids"].tolist() + padding == window.input_ids
        assert record["segment_ids"].tolist() + padding == window.segment_ids
        assert [1] * length + padding == window.input_mask
        words = [window.word_ids.get(token, 0) for token in range(length)]
        assert record["word_ids"].tolist() == words
        best = [int(window.max_context.get(token, False)) for token in range(length)]
        assert record["max_context"].tolist() == best
        places = record["start_position"][0], record["end_position"][0]
        assert places == (window.start_position, window.end_position)


@given(TEXTS, TEXTS, st.integers(7, 16), st.integers(1, 12), st.data())
def test_the_plain_code_makes_the_same_windows(
    question: str, context: str, max_seq_length: int, doc_stride: int, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, len(context)))
    last = data.draw(st.integers(first, len(context)))
    text = context[first:last].strip()
    answers = (GoldAnswer(text, context.index(text, first)),) if text else ()
    example = Question("q", "a", context, question, answers)
    check(toy_tokenizer(), [example], (max_seq_length, doc_stride, 3))


@pytest.mark.real
def test_the_plain_code_makes_the_same_windows_of_real_questions(shared: Path) -> None:
    train = squad.read_v2(shared / "data" / "squad").train[::50]
    questions = [example for example in train if isinstance(example, Question)]
    check(base_tokenizer(), questions, (128, 32, 64))
