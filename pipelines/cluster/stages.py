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
    # What a failure has left out is listed too, without a state.
    named = {node.display_name: node for node in nodes if node.state}
    ids = {child.pod_name for node in nodes for child in node.child_tasks or []}
    workflow = Workflow.of({node.display_name for node in nodes}, ids)
    stages = []
    for stage in STAGES:
        task = stage.replace("_", "-")
        driver, group = named.get(f"{task}-driver"), named.get(task)
        if driver or group:
            stages.append(_stage(stage, driver, group, tuple(workflow.pods(task))))
    return stages


def _stage(name: str, driver: Any, group: Any, pods: tuple[str, ...]) -> Stage:
    seconds = None
    if driver and group and group.state == "SUCCEEDED":
        seconds = (group.end_time - driver.start_time).total_seconds()
    messages = (_message(node) for node in (group, driver) if node)
    return Stage(name, _state(driver, group), pods, next(filter(None, messages), None), seconds)


def _state(driver: Any, group: Any) -> State:
    states = {node.state for node in (driver, group) if node}
    if states & {"FAILED", "CANCELED"}:
        return "failed"
    if "SKIPPED" in states:
        return "skipped"
    return "done" if group and group.state == "SUCCEEDED" else "running"


def _message(node: Any) -> str | None:
    """What the API tells of an error of a node, now or in its history."""
    history = [status.error for status in reversed(node.state_history or [])]
    for error in (node.error, *history):
        if error and error.message:
            return " ".join(str(error.message).split())
    return None
