import math

import numpy as np
import pytest

from bertline.evaluation.material import Split
from bertline.evaluation.null_threshold import threshold_of, tuned_null_threshold
from bertline.evaluation.predictors import Batch, Logits
from bertline.examples import GoldAnswer, Question
from bertline.features.answers import Meanings
from bertline.features.batches import FeatureSet
from bertline.features.kinds import KINDS
from bertline.features.spans import SpanAnswer
from bertline.features.spec import AnswerSpec, InputSpec
from tests.features.toys import toy_tokenizer, vocab_id

CONTEXT = "play some jazz by davis"
QUESTIONS = [
    Question("0", "a", CONTEXT, "play", (GoldAnswer("jazz", 10),)),
    Question("1", "a", CONTEXT, "some"),
    Question("2", "a", CONTEXT, "by", (GoldAnswer("davis", 18),)),
]


def answer(text: str, null_odds: float) -> SpanAnswer:
    return SpanAnswer(text, 0, 1, 0.5, (), null_odds)


def test_the_threshold_separates_the_impossible_question() -> None:
    answers = [answer("jazz", -3.0), answer("by", 2.0), answer("davis", -1.0)]
    assert threshold_of(QUESTIONS, answers) == -1.0


def test_a_wrong_answer_is_better_left_unsaid() -> None:
    answers = [answer("jazz", -3.0), answer("by", -2.0), answer("play", -1.0)]
    assert threshold_of(QUESTIONS, answers) == -3.0


def test_a_question_without_any_allowed_span_is_above_every_threshold() -> None:
    answers = [answer("jazz", -3.0), answer("empty", math.inf), answer("davis", 1.0)]
    assert threshold_of(QUESTIONS, answers) == 1.0


class LooksForJazz:
    """Believes in "jazz" by 5, in no answer by as much as the question's token says."""

    name = "toy"
    fixed_batch: int | None = None
    null = {vocab_id("play"): 1.0, vocab_id("some"): 9.0, vocab_id("by"): 11.0}

    def __call__(self, batch: Batch) -> Logits:
        ids = batch["input_ids"]
        logits = np.where(ids == vocab_id("jazz"), np.float32(5), np.float32(0))
        logits[:, 0] = [self.null[token] for token in ids[:, 1].tolist()]
        return {"start_logits": logits, "end_logits": logits}


def test_the_threshold_is_tuned_by_running_the_model() -> None:
    tokenizer, kind = toy_tokenizer(), KINDS["question"]
    inputs = InputSpec(max_seq_length=16, max_query_length=4)
    records = kind.encode_examples(tokenizer, QUESTIONS, {}, inputs)
    split = Split(kind, list(QUESTIONS), FeatureSet.of(records))
    done: list[int] = []
    meanings = Meanings(tokenizer, {}, AnswerSpec())
    # Odds are 2·null − 10: −8 for the question that jazz answers, 8 and 12 for the others.
    found = tuned_null_threshold(LooksForJazz(), split, meanings, done.append)
    assert found == pytest.approx(-8)
    assert sum(done) == 3
