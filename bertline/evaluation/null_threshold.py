"""When a question is better left unanswered, tuned on questions held out of training."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from bertline.evaluation.forward import forward
from bertline.evaluation.material import Split
from bertline.evaluation.predictors import Predictor
from bertline.evaluation.squad import best_threshold, scores
from bertline.examples import Question
from bertline.features.answers import Meanings
from bertline.features.spans import SpanAnswer

BATCH_SIZE = 32


def tuned_null_threshold(
    predictor: Predictor,
    split: Split,
    meanings: Meanings,
    progress: Callable[[int], object] = lambda count: None,
) -> float:
    """The null_threshold (see AnswerSpec) that gives the highest F1 on the questions of `split`.

    progress: called with the number of windows of each batch when it is done.
    """
    rows = np.arange(len(split.features))
    logits = forward(predictor, split.features, rows, BATCH_SIZE, progress)
    # So high a threshold leaves no question unanswered, and every answer has its odds.
    answering = meanings.answering.model_copy(update={"null_threshold": math.inf})
    always = Meanings(meanings.tokenizer, meanings.labels, answering)
    answers = split.kind.decode(split.items, split.features, logits, always)
    return threshold_of(
        [example for example in split.examples if isinstance(example, Question)],
        [answer for answer in answers if isinstance(answer, SpanAnswer)],
    )


def threshold_of(questions: Sequence[Question], answers: Sequence[SpanAnswer]) -> float:
    """The threshold of best F1, given the best answer to each question and its null_odds."""
    # Infinite odds, where no span was allowed, are above any threshold.
    odds = [min(answer.null_odds or 0.0, 1e9) for answer in answers]
    answered = [
        scores(question, answer.text)[1]
        for question, answer in zip(questions, answers, strict=True)
    ]
    empty = [scores(question, "")[1] for question in questions]
    return best_threshold(odds, answered, empty)[0]
