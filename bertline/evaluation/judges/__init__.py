"""The table of judges: what is right of the answers to each kind of examples."""

from collections.abc import Callable

from bertline.errors import ConfigError
from bertline.evaluation.judges.base import Judge, Table
from bertline.evaluation.judges.labelled_text import LabelledTextJudge
from bertline.evaluation.judges.question import QuestionJudge
from bertline.evaluation.judges.tagged_text import TaggedTextJudge
from bertline.tasks import TASKS, Task

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
    """The judge of answers to the examples of `task`; raises ConfigError for unlabelled ones."""
    if task.example_kind not in JUDGES:
        judged = [name for name, other in TASKS.items() if other.example_kind in JUDGES]
        raise ConfigError(
            f"task {task.name!r}: its examples have nothing to be learnt and judged; use one of "
            + ", ".join(judged)
        )
    return JUDGES[task.example_kind](task)
