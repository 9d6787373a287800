"""The stages of a run, read out of the nodes of its workflow.

Kubeflow tells one flat list of nodes. A stage `ingest` is three kinds of them: the pod
"ingest-driver", the group "ingest", and in it the pod "executor", or with retries a group
"executor" of pods "executor(0)" and so on. Nodes name their children by ids and themselves by pods;
what both have in common is a number at the end.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bertline.stages.execute import STAGES

State = Literal["starting", "running", "done", "cached", "skipped", "failed"]
EXECUTOR = "executor"


@dataclass(frozen=True)
class Stage:
    """What a run tells of one stage.

    pods: its pods, the newest last. message: of an error, where Kubeflow tells one. seconds: what a
    stage that is done took.
    """

    name: str
    state: State
    pods: tuple[str, ...]
    message: str | None
    seconds: float | None


def stages_of(run: Any) -> list[Stage]:
    """The stages of a run that have begun, in the order of the line."""
    details = run.run_details and run.run_details.task_details
    nodes = {_number(node.pod_name or ""): node for node in details or []}
    named = {node.display_name: node for node in details or []}
    task_names = {stage: stage.replace("_", "-") for stage in STAGES}
    return [
        _stage(stage, named.get(f"{name}-driver"), named.get(name), nodes)
        for stage, name in task_names.items()
        if name in named or f"{name}-driver" in named
    ]


def _stage(stage: str, driver: Any, group: Any, nodes: Mapping[str, Any]) -> Stage:
    executors = list(_executors(group, nodes)) if group else []
    own = [*filter(None, [driver, group]), *executors]
    seconds = None
    if driver and group and group.end_time and driver.start_time:
        seconds = (group.end_time - driver.start_time).total_seconds()
    return Stage(
        name=stage,
        state=_state(driver, group, executors),
        pods=tuple(node.pod_name for node in ([driver] if driver else []) + executors),
        message=next(filter(None, map(_message, reversed(own))), None),
        seconds=seconds,
    )


def _executors(node: Any, nodes: Mapping[str, Any]) -> Iterator[Any]:
    """The pods that do the work below a node, in the order of their attempts."""
    children = [nodes.get(_number(child.pod_name or "")) for child in node.child_tasks or []]
    # The workflow hangs the next stage below the last pod of this one: it does not count.
    inner = [child for child in children if child and child.display_name.startswith(EXECUTOR)]
    for child in sorted(inner, key=lambda child: child.display_name):
        below = list(_executors(child, nodes))
        yield from below or [child]


def _state(driver: Any, group: Any, executors: list[Any]) -> State:
    state = group.state if group else driver.state
    if state == "SUCCEEDED" and group:
        ran = any(executor.state == "SUCCEEDED" for executor in executors)
        return "done" if ran else "cached"
    if state == "SKIPPED":
        return "skipped"
    if state in ("FAILED", "CANCELED") or (driver and driver.state == "FAILED"):
        return "failed"
    return "running" if any(each.state == "RUNNING" for each in executors) else "starting"


def _message(node: Any) -> str | None:
    """What the API tells of an error of a node, now or in its history."""
    history = [status.error for status in reversed(node.state_history or [])]
    for error in (node.error, *history):
        if error and error.message:
            return " ".join(str(error.message).split())
    return None


def _number(name: str) -> str:
    return name.rpartition("-")[2]
