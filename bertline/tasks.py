"""The table of tasks: what reads a dataset, what its examples are, which head answers them."""

from dataclasses import dataclass

from bertline.config import nearest
from bertline.errors import ConfigError


@dataclass(frozen=True)
class Task:
    """One row.

    reader: "module:function" that reads the files (see datasets.dataset). example_kind: key of
    `examples.KINDS`. head: name of the head in modeling.heads, None for unlabelled data. metrics:
    the names reported, the first being the one that gates and plots use. small_reader: what reads
    smaller training files that the dataset has beside the full ones. positive_class: the class
    that F1 is of. has_impossible: some questions have no answer. max_texts: how many texts an item
    has at most, where that is less than its kind allows.
    """

    name: str
    reader: str
    example_kind: str
    head: str | None
    metrics: tuple[str, ...]
    small_reader: str | None = None
    positive_class: str | None = None
    has_impossible: bool = False
    max_texts: int | None = None


TASKS = {
    task.name: task
    for task in (
        Task(
            name="snips",
            reader="bertline.datasets.snips:read",
            small_reader="bertline.datasets.snips:read_small",
            example_kind="tagged_text",
            head="intent_slots",
            metrics=("slot_f1", "intent_accuracy", "sentence_accuracy"),
        ),
        Task(
            name="imdb",
            reader="bertline.datasets.imdb:read",
            example_kind="labelled_text",
            head="classifier",
            metrics=("accuracy",),
            positive_class="Positive",
            max_texts=1,
        ),
        Task(
            name="mrpc",
            reader="bertline.datasets.mrpc:read",
            example_kind="labelled_text",
            head="classifier",
            metrics=("f1", "accuracy"),
            positive_class="equivalent",
        ),
        Task(
            name="squad-v1",
            reader="bertline.datasets.squad:read_v1",
            example_kind="question",
            head="answer_span",
            metrics=("answer_f1", "exact_match"),
        ),
        Task(
            name="squad-v2",
            reader="bertline.datasets.squad:read_v2",
            example_kind="question",
            head="answer_span",
            metrics=("answer_f1", "exact_match", "has_answer_f1", "no_answer_accuracy"),
            has_impossible=True,
        ),
        Task(
            name="text",
            reader="bertline.datasets.text:read",
            example_kind="document",
            head=None,
            metrics=(),
        ),
    )
}
KIND_OF_HEAD = {task.head: task.example_kind for task in TASKS.values()}
"""Name of a head → the kind of examples that it answers."""


def get_task(name: str) -> Task:
    """The row of task `name`; raises ConfigError naming the nearest one."""
    if name not in TASKS:
        raise ConfigError(f"unknown task {name!r}; {nearest(name, list(TASKS))}")
    return TASKS[name]
