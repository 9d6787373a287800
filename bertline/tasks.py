"""The table of tasks: what reads a dataset, what its examples are, which head answers them."""

from dataclasses import dataclass

from bertline.config import nearest
from bertline.errors import ConfigError


@dataclass(frozen=True)
class Task:
    """One row.

    reader: module of bertline.datasets that reads the files. example_kind: key of
    `examples.KINDS`. head: name of the head in modeling.heads. metrics: the names reported, the
    first being the one that gates and plots use.
    """

    name: str
    reader: str
    example_kind: str
    head: str
    metrics: tuple[str, ...]


TASKS = {
    task.name: task
    for task in (
        Task(
            name="snips",
            reader="bertline.datasets.snips",
            example_kind="tagged_text",
            head="intent_slots",
            metrics=("slot_f1", "intent_accuracy", "sentence_accuracy"),
        ),
    )
}


def get_task(name: str) -> Task:
    """The row of task `name`; raises ConfigError naming the nearest one."""
    if name not in TASKS:
        raise ConfigError(f"unknown task {name!r}; {nearest(name, list(TASKS))}")
    return TASKS[name]
