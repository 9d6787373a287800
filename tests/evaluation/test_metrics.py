import numpy as np
import pytest

from bertline.evaluation.judges import judge_for
from bertline.evaluation.judges.question import QuestionJudge
from bertline.evaluation.metrics import unmeasured
from bertline.examples import GoldAnswer, LabelledText, Question
from bertline.features.labelled_text import LabelAnswer
from bertline.features.spans import SpanAnswer
from bertline.tasks import get_task


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([(GoldAnswer("a", 0),), ()], ()),
        ([(GoldAnswer("a", 0),)], ("no_answer_accuracy",)),
        ([()], ("has_answer_f1",)),
    ],
)
def test_questions_of_one_sort_leave_the_other_unmeasured(
    answers: list[tuple[GoldAnswer, ...]], expected: tuple[str, ...]
) -> None:
    judge = QuestionJudge("2.0")
    questions = [Question(str(n), "x", "a b", "q", each) for n, each in enumerate(answers)]
    found = [SpanAnswer("a", 0, 1, 1.0, ())] * len(questions)
    assert unmeasured(judge.counts(questions, found), judge.metrics, {}) == expected


def test_without_the_positive_class_its_metrics_are_unmeasured() -> None:
    judge = judge_for(get_task("mrpc"))
    truth = [LabelledText("0", "a", "not_equivalent", "b")]
    counts = judge.counts(truth, [LabelAnswer("equivalent", {})])
    both = {"classes": ["equivalent", "not_equivalent"]}
    assert unmeasured(counts, judge.metrics, both) == ("f1", "precision", "recall")
    one = {"classes": ["not_equivalent"]}
    assert "accuracy" in unmeasured(counts, judge.metrics, one)
    assert unmeasured(np.zeros((0, 5)), judge.metrics, both) == tuple(judge.metrics)
