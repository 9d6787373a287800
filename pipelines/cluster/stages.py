"""The stages of a run, as its workflow shows them.

A stage `ingest` is a driver "ingest-driver" and a group "ingest" with a pod "executor". Where an
installation sets a retry strategy for all templates, as Kubeflow Pipelines 2.17 does, each of them
is a node of type Retry above its attempts "ingest(0)", "ingest(1)", …; else the node itself.
"""

import re
from dataclasses import dataclass
from typing import Literal

from bertline.tables.stages import STAGES
from pipelines.cluster.workflow import Node, Workflow

State = Literal["running", "done", "skipped", "failed"]
STATES: dict[str, State] = {
    "Succeeded": "done",
    "Skipped": "skipped",
    "Failed": "failed",
    "Error": "failed",
}
"""Phase of Argo → state; all other phases are running."""
UNINFORMATIVE = re.compile(r"(main: )?Error \(exit code \d+\)$|No more retries left$|omitted: ")
"""Messages of nodes that do not say why one failed."""


@dataclass(frozen=True)
class Stage:
    """What a workflow shows of one stage.

    state: running from its driver on, also while a pod waits. pods: the nodes of its attempts, the
    newest last; before the first, that of its driver. message: why it failed or waits, where Argo
    says so. seconds: how long a stage that is done took.
    """

    name: str
    state: State
    pods: tuple[Node, ...]
    message: str | None
    seconds: float | None

    @property
    def is_running(self) -> bool:
        """Whether the stage itself, and not its driver, runs in its newest pod."""
        return bool(self.pods) and self.pods[-1].phase == "Running" and self.attempt > 0

    @property
    def attempt(self) -> int:
        """The number of the newest attempt, from 1; 0 before the first."""
        if not self.pods or self.pods[-1].name != "executor":
            return 0
        return sum(pod.path == self.pods[-1].path for pod in self.pods)


def stages_of(workflow: Workflow) -> list[Stage]:
    """The stages of a run that have begun, in the order of the line."""
    found = (_stage(workflow, stage) for stage in STAGES)
    return [stage for stage in found if stage is not None]


def run_message(workflow: Workflow) -> str | None:
    """Why a run failed outside of its stages: the message of a pod that could not be made."""
    failed = (node for node in workflow.nodes if STATES.get(node.phase) == "failed")
    return next(filter(None, map(_informative, failed)), None)


def _stage(workflow: Workflow, name: str) -> Stage | None:
    """A stage; in a loop of all its turns."""
    task = name.replace("_", "-")
    groups = [node for node in workflow.newest(task) if node.phase != "Omitted"]
    drivers = [node for node in workflow.newest(f"{task}-driver") if node.phase != "Omitted"]
    if not groups and not drivers:
        return None
    pods = workflow.pods_of(task, "executor") or workflow.pods_of(f"{task}-driver")
    state = _state(groups, drivers)
    seconds = None
    starts = [node.started_at for node in drivers if node.started_at]
    ends = [node.finished_at for node in groups if node.finished_at]
    if state == "done" and starts and ends:
        seconds = (max(ends) - min(starts)).total_seconds()
    messages = (_informative(node) for node in (*reversed(pods), *groups, *drivers))
    return Stage(name, state, tuple(pods), next(filter(None, messages), None), seconds)


def _state(groups: list[Node], drivers: list[Node]) -> State:
    states = {STATES.get(node.phase, "running") for node in groups}
    if "failed" in states or any(STATES.get(node.phase) == "failed" for node in drivers):
        return "failed"
    if len(groups) < len(drivers) or "running" in states:
        return "running"
    return "skipped" if states == {"skipped"} else "done"


def _informative(node: Node) -> str | None:
    return None if UNINFORMATIVE.match(node.message) else node.message or None
