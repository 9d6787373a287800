"""What a composed line says of its tasks, those of a dsl.If included."""

from collections.abc import Iterator, Mapping
from typing import Any


def stage_of(task_name: str) -> str:
    """The stage behind the name that kfp gives its task ("import-checkpoint")."""
    return task_name.replace("-", "_")


def upstream(line: Any) -> dict[str, list[str]]:
    """Stage → the stages whose outputs it takes, by name, of a composed line."""
    components = line.pipeline_spec.components
    found: dict[str, list[str]] = {}

    def visit(dag: Any, outside: Mapping[str, str]) -> None:
        """outside: input of the dag → the task that gives it, "" for the line's own parameters."""
        for name, task in dag.tasks.items():
            givers = {
                key: given.task_output_artifact.producer_task
                or outside.get(given.component_input_artifact, "")
                for key, given in task.inputs.artifacts.items()
            }
            inner = components[task.component_ref.name].dag
            if inner.tasks:  # the tasks of a dsl.If
                visit(inner, givers)
            else:
                found[stage_of(name)] = sorted({stage_of(giver) for giver in givers.values()})

    visit(line.pipeline_spec.root.dag, {})
    return found


def tasks_of(line: Any) -> Iterator[tuple[str, Any]]:
    """(stage, task of the pipeline spec) of all tasks of a composed line that run something."""
    spec = line.pipeline_spec
    for dag in (spec.root.dag, *(component.dag for component in spec.components.values())):
        for name, task in dag.tasks.items():
            if not spec.components[task.component_ref.name].dag.tasks:
                yield stage_of(name), task
