"""The stages of a run, as the API tells of them."""

from dataclasses import dataclass
from typing import Any, Literal

from bertline.stages.execute import STAGES
from pipelines.cluster.nodes import Workflow

State = Literal["running", "done", "skipped", "failed"]


@dataclass(frozen=True)
class Stage:
    """What a run tells of one stage.

    state: running from its first pod on, also while that waits. pods: its pods, the newest last.
    message: of an error, where Kubeflow tells one. seconds: what a stage that is done took.
    """

    name: str
    state: State
    pods: tuple[str, ...]
    message: str | None
    seconds: float | None


def stages_of(run: Any) -> list[Stage]:
    """The stages of a run that have begun, in the order of the line."""
    nodes = (run.run_details and run.run_details.task_details) or []
    named: dict[str, list[Any]] = {}
    for node in nodes:
        if node.state:  # what a failure has left out is listed too, without a state
            named.setdefault(node.display_name, []).append(node)
    ids = {child.pod_name for node in nodes for child in node.child_tasks or []}
    workflow = Workflow.of({node.display_name for node in nodes}, ids)
    stages = []
    for stage in STAGES:
        task = stage.replace("_", "-")
        drivers, groups = named.get(f"{task}-driver", []), named.get(task, [])
        if drivers or groups:
            stages.append(_stage(stage, drivers, groups, tuple(workflow.pods(task))))
    return stages


def _stage(name: str, drivers: list[Any], groups: list[Any], pods: tuple[str, ...]) -> Stage:
    """A stage of its nodes: one driver and one group, or those of the turns of a loop."""
    state, seconds = _state(drivers, groups), None
    if state == "done" and drivers:
        start = min(driver.start_time for driver in drivers)
        seconds = (max(group.end_time for group in groups) - start).total_seconds()
    messages = (_message(node) for node in (*groups, *drivers))
    return Stage(name, state, pods, next(filter(None, messages), None), seconds)


def _state(drivers: list[Any], groups: list[Any]) -> State:
    made, left = {node.state for node in groups}, {node.state for node in drivers}
    if (made | left) & {"FAILED", "CANCELED"}:
        return "failed"
    if "SKIPPED" in left or (made == {"SKIPPED"} and len(groups) >= len(drivers)):
        return "skipped"
    is_done = made and made <= {"SUCCEEDED", "SKIPPED"} and len(groups) >= len(drivers)
    return "done" if is_done else "running"


def _message(node: Any) -> str | None:
    """What the API tells of an error of a node, now or in its history."""
    history = [status.error for status in reversed(node.state_history or [])]
    for error in (node.error, *history):
        if error and error.message:
            return " ".join(str(error.message).split())
    return None
