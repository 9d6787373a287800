import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bertline.datasets.words import Words
from bertline.examples import GoldAnswer, Question
from bertline.features.batches import Record
from bertline.features.spans import Candidate, SpanAnswer, decode_question
from bertline.features.windows import encode_question_examples, encode_questions
from tests.features.toys import toy_tokenizer

TOKENIZER = toy_tokenizer()
# [CLS] jazz [SEP] play some jazz by mil ##es . [SEP]: "jazz" is token 5, "Miles" 7 and 8.
CONTEXT = "Play some  jazz by Miles."
[WINDOW] = encode_questions(TOKENIZER, [("jazz", CONTEXT)], 64, 32, 4)


def logits(length: int = 11, **values: float) -> NDArray[np.float32]:
    """−10 everywhere but at the tokens given ("t5=2")."""
    array = np.full(length, -10, np.float32)
    for name, value in values.items():
        array[int(name[1:])] = value
    return array


STARTS = logits(t5=4, t7=5)
ENDS = logits(t5=2, t8=3)


def decode(
    starts: NDArray[np.float32] = STARTS, ends: NDArray[np.float32] = ENDS, **options: Any
) -> SpanAnswer:
    return decode_question(TOKENIZER, CONTEXT, [WINDOW], [starts], [ends], **options)


def test_the_best_spans_by_hand() -> None:
    answer = decode(n_best_size=3)
    # Sums of logits 8, 7 and 6; "Miles … jazz" ends before it starts.
    weights = [1, math.exp(-1), math.exp(-2)]
    probabilities = [weight / sum(weights) for weight in weights]
    expected = [("Miles", 5, 3), ("jazz by Miles", 4, 3), ("jazz", 4, 2)]
    found = [(each.text, each.start_logit, each.end_logit) for each in answer.n_best]
    assert found == expected
    assert [each.probability for each in answer.n_best] == pytest.approx(probabilities, rel=1e-12)
    assert (answer.text, answer.start, answer.end) == ("Miles", 19, 24)
    assert CONTEXT[19:24] == "Miles"
    assert answer.probability == answer.n_best[0].probability
    assert (answer.null_odds, answer.truncated) == (None, False)


def test_white_space_of_an_answer_is_single() -> None:
    answer = decode(logits(t4=9), logits(t5=9), n_best_size=1)
    assert (answer.text, CONTEXT[answer.start : answer.end]) == ("some jazz", "some  jazz")


def test_long_spans_are_left_out() -> None:
    assert [each.text for each in decode(n_best_size=3, max_answer_length=3).n_best] == [
        "Miles",
        "jazz",
    ]


def test_the_question_the_last_token_and_padding_are_no_answers() -> None:
    starts = logits(14, t1=9, t5=4, t10=8, t12=7)
    ends = logits(14, t1=9, t5=4, t10=8, t13=7)
    assert [each.text for each in decode(starts, ends, n_best_size=4).n_best] == ["jazz"]
    # Padding is looked at as any other token.
    assert decode(starts, ends, n_best_size=3).text == "empty"
    assert decode(starts[:11], ends[:11], n_best_size=3).text == "jazz"


def test_a_text_is_there_once() -> None:
    starts, ends = logits(t7=5, t8=4), logits(t9=5)
    context = "Play some jazz by 💿."
    [window] = encode_questions(TOKENIZER, [("jazz", context)], 64, 32, 4)
    answer = decode_question(TOKENIZER, context, [window], [starts[:10]], [ends[:10]])
    texts = [each.text for each in answer.n_best]
    assert len(texts) == len(set(texts))


def test_of_equal_spans_the_first_start_then_the_first_end_comes_first() -> None:
    zeros = np.zeros(11, np.float32)
    texts = [each.text for each in decode(zeros, zeros, n_best_size=6).n_best]
    assert texts == ["Play", "Play some", "Play some jazz", "some", "some jazz", "jazz"]


def test_a_start_counts_where_it_has_the_most_context() -> None:
    context = "Play some jazz by Miles in Paris."
    windows = encode_questions(TOKENIZER, [("jazz", context)], 8, 2, 4)
    # "by" is the last token of the first window and the second of the second.
    starts = [logits(8, t6=9), logits(8, t4=5), logits(8), logits(8)]
    ends = [logits(8, t6=9), logits(8, t6=5), logits(8), logits(8)]
    answer = decode_question(TOKENIZER, context, windows, starts, ends, n_best_size=1)
    assert answer.n_best == (Candidate("by Miles", 1.0, 5.0, 5.0),)


def null_case(threshold: float) -> SpanAnswer:
    return decode(logits(t0=3, t5=4, t7=5), logits(t0=4, t5=2, t8=3), null_threshold=threshold)


def test_no_answer_is_one_of_the_candidates() -> None:
    answer = null_case(0.0)
    # Of equal sums (7) spans come before it.
    assert [each.text for each in answer.n_best][:4] == ["Miles", "jazz by Miles", "", "jazz"]
    assert answer.n_best[2] == Candidate("", answer.n_best[1].probability, 3.0, 4.0)
    assert answer.null_odds == -1


def test_the_answer_is_empty_where_the_odds_are_above_the_threshold() -> None:
    assert [null_case(threshold).text for threshold in (0.0, -1.0, -1.01)] == ["Miles", "Miles", ""]
    empty = null_case(-1.01)
    assert (empty.start, empty.end, empty.probability) == (None, None, empty.n_best[2].probability)


def test_no_answer_is_added_to_a_full_list() -> None:
    answer = decode(n_best_size=2, null_threshold=0.0)
    assert [each.text for each in answer.n_best] == ["Miles", "jazz by Miles", ""]
    assert answer.null_odds == -28


def test_the_least_null_score_of_the_windows_counts() -> None:
    records = [WINDOW, WINDOW]
    starts = [logits(t0=6, t5=4), logits(t0=1, t7=5)]
    ends = [logits(t0=6, t5=2), logits(t0=2, t8=3)]
    answer = decode_question(TOKENIZER, CONTEXT, records, starts, ends, null_threshold=0.0)
    assert answer.null_odds == 3 - 8


def test_without_an_allowed_span_there_is_no_crash() -> None:
    starts, ends = logits(t1=9), logits(t1=9)
    v1 = decode(starts, ends, n_best_size=1)
    assert (v1.text, v1.start, v1.n_best) == ("empty", None, (Candidate("empty", 1.0, 0.0, 0.0),))
    v2 = decode(starts, ends, n_best_size=1, null_threshold=100.0)
    assert (v2.text, v2.start, v2.null_odds) == ("", None, math.inf)
    assert v2.n_best == (Candidate("", 1.0, -10.0, -10.0),)
    assert json.loads(json.dumps(v2.as_json(None)))["null_odds"] is None


def test_an_answer_for_people_and_machines() -> None:
    answer = decode(n_best_size=1)
    assert answer.aspects() == {"answer": "Miles"}
    assert answer.lines(None) == ["answer: Miles (1.00)"]
    assert null_case(-2.0).lines(None)[0].startswith("answer: none (0.")
    assert answer.as_json(None) == {
        "answer": "Miles",
        "start": 19,
        "end": 24,
        "probability": 1.0,
        "null_odds": None,
        "n_best": [{"text": "Miles", "probability": 1.0, "start_logit": 5, "end_logit": 3}],
    }


WORDS = st.lists(
    st.sampled_from(["play", "Miles", "jazz.", "(don't", "💿", "Café"]), min_size=1, max_size=20
)


@given(WORDS, st.sampled_from([" ", "  ", "\t"]), st.integers(8, 40), st.data())
def test_the_positions_of_a_gold_answer_decode_to_it(
    words: list[str], space: str, length: int, data: st.DataObject
) -> None:
    context = space.join(words)
    divided = Words.of(context)
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    start, end = divided.starts[first], divided.ends[last]
    question = Question("q", "a", context, "play", (GoldAnswer(context[start:end], start),))
    records = encode_question_examples(TOKENIZER, [question], length, 3, 4)
    for record in records:
        places = int(record["start_position"][0]), int(record["end_position"][0])
        if places[0] and record["max_context"][places[0]]:
            count = len(record["input_ids"])
            peaks = [logits(count, **{f"t{place}": 9}) for place in places]
            answer = decode_question(
                TOKENIZER, context, [record], [peaks[0]], [peaks[1]], 1, max_answer_length=length
            )
            assert answer.text == " ".join(words[first : last + 1])
            assert (answer.start, answer.end) == (start, end)


@given(WORDS, st.integers(8, 20), st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 5))
def test_the_search_finds_what_trying_every_pair_finds(
    words: list[str], length: int, seed: int, n_best_size: int, max_answer_length: int
) -> None:
    context = " ".join(words)
    records = encode_questions(TOKENIZER, [("play", context)], length, 3, 4)
    random = np.random.default_rng(seed)
    # Few distinct values, so that many are equal.
    starts, ends = random.integers(0, 4, (2, len(records), length)).astype(np.float32)
    answer = decode_question(
        TOKENIZER, context, records, list(starts), list(ends), n_best_size, max_answer_length
    )
    sums = sorted(
        (
            -float(start[first] + end[last])
            for record, start, end in zip(records, starts, ends, strict=True)
            for first in highest(start, n_best_size)
            for last in highest(end, n_best_size)
            if is_allowed(record, first, last, max_answer_length)
        ),
    )
    if not sums:
        assert answer.text == "empty"
        return
    found = [-(each.start_logit + each.end_logit) for each in answer.n_best]
    assert found == sorted(found)
    assert found[0] == sums[0]
    assert set(found) <= set(sums)
    assert len(found) <= min(n_best_size, len(sums))
    assert sum(each.probability for each in answer.n_best) == pytest.approx(1)
    texts = [each.text for each in answer.n_best]
    assert len(set(texts)) == len(texts)
    assert all(text in context for text in texts)


def highest(values: Sequence[float] | NDArray[np.float32], count: int) -> list[int]:
    return sorted(range(len(values)), key=lambda place: -values[place])[:count]


def is_allowed(record: Record, first: int, last: int, max_answer_length: int) -> bool:
    inside = range(int((record["segment_ids"] == 0).sum()), len(record["input_ids"]) - 1)
    return (
        first in inside
        and last in inside
        and record["max_context"][first] == 1
        and 0 <= last - first < max_answer_length
    )
