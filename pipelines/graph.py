"""What a composed line says of its tasks, those of a dsl.If or a dsl.ParallelFor included."""

from collections.abc import Iterator, Mapping
from typing import Any


def stage_of(task_name: str) -> str:
    """The stage behind the name that kfp gives its task ("import-checkpoint")."""
    return task_name.replace("-", "_")


def upstream(line: Any) -> dict[str, list[str]]:
    """Stage → the stages whose outputs it takes, by name, of a composed line."""
    components = line.pipeline_spec.components
    found: dict[str, list[str]] = {}

    def dag_of(task: Any) -> Any:
        """The tasks in a dsl.If or a loop; none if the task runs something itself."""
        return components[task.component_ref.name].dag

    def giver(dag: Any, task_name: str, output: str) -> str:
        """The task that makes an output of a task of the dag: the same, or one inside of it."""
        inner = dag_of(dag.tasks[task_name])
        if not inner.tasks:
            return task_name
        (selector,) = inner.outputs.artifacts[output].artifact_selectors
        return giver(inner, selector.producer_subtask, selector.output_artifact_key)

    def visit(dag: Any, outside: Mapping[str, str]) -> None:
        """outside: input of the dag → the task that gives it, "" for the line's own parameters."""
        for name, task in dag.tasks.items():
            givers = {}
            for key, given in task.inputs.artifacts.items():
                made = given.task_output_artifact
                givers[key] = (
                    giver(dag, made.producer_task, made.output_artifact_key)
                    if made.producer_task
                    else outside.get(given.component_input_artifact, "")
                )
            inner = dag_of(task)
            if inner.tasks:
                visit(inner, givers)
            else:
                found[stage_of(name)] = sorted({stage_of(giver) for giver in givers.values()})

    visit(line.pipeline_spec.root.dag, {})
    return found


def tasks_of(line: Any) -> Iterator[tuple[str, Any]]:
    """(stage, task of the pipeline spec) of all tasks of a composed line that run something."""
    components = line.pipeline_spec.components
    for name, task in _tasks(line):
        if not components[task.component_ref.name].dag.tasks:
            yield stage_of(name), task


def loops_of(line: Any) -> Iterator[Any]:
    """The tasks of the pipeline spec that are a dsl.ParallelFor."""
    return (task for _, task in _tasks(line) if task.WhichOneof("iterator"))


def _tasks(line: Any) -> Iterator[tuple[str, Any]]:
    """(name, task) of all tasks of the pipeline spec, groups of tasks among them."""
    spec = line.pipeline_spec
    for dag in (spec.root.dag, *(component.dag for component in spec.components.values())):
        yield from dag.tasks.items()
