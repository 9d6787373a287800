"""The table of judges: what is right of the answers to each kind of examples."""

from collections.abc import Callable

from bertline.evaluation.judges.base import Judge, Table
from bertline.evaluation.judges.labelled_text import LabelledTextJudge
from bertline.evaluation.judges.question import QuestionJudge
from bertline.evaluation.judges.tagged_text import TaggedTextJudge
from bertline.tasks import Task

__all__ = ["ASPECTS", "METRICS", "Judge", "Table", "judge_for"]

JUDGES: dict[str, Callable[[Task], Judge]] = {
    "tagged_text": lambda task: TaggedTextJudge(),
    "labelled_text": lambda task: LabelledTextJudge(task.positive_class),
    "question": lambda task: QuestionJudge("2.0" if task.has_impossible else "1.1"),
}
METRICS = {**TaggedTextJudge.metrics, **LabelledTextJudge.metrics, **QuestionJudge.metrics}
"""Every judge's metrics by name; the names are of one judge each."""
ASPECTS = TaggedTextJudge.aspects + LabelledTextJudge.aspects + QuestionJudge.aspects
"""Every judge's aspects of an answer."""


def judge_for(task: Task) -> Judge:
    """The judge of answers to the examples of `task`."""
    return JUDGES[task.example_kind](task)
