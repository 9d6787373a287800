"""Workflows as Kubeflow Pipelines 2.17 keeps them, and pods as Kubernetes shows them.

A stock installation retries every template, so that each node is one of type Retry above its
attempts; `wrapped=False` gives the names of 2.16, where only a task with retries has them.
"""

import json
from dataclasses import dataclass, field, replace
from typing import Any

WORKFLOW = "snips-k7xw2"
CONDITION = "root.condition-1"
"""The path of the group of a condition."""
START, END = "2026-01-05T03:00:00Z", "2026-01-05T03:00:42Z"
PHASES = {"SUCCEEDED": "Succeeded", "FAILED": "Failed", "SKIPPED": "Skipped", "OMITTED": "Omitted"}
Values = dict[str, Any]


@dataclass(frozen=True)
class Item:
    """A node, or where its template is retried several: its name, and the phases of its attempts.

    parameters: inputs of its pod.
    """

    name: str
    states: tuple[str, ...]
    template: str = ""
    children: tuple["Item", ...] = ()
    message: str = ""
    parameters: Values = field(default_factory=dict)


def frame(state: str, *stages: list[Item], wrapped: bool = True, **more: Any) -> Values:
    """What requests for a run show of it: its state, and its workflow."""
    inner = tuple(item for stage in stages for item in stage)
    root = (
        Item("root-driver", ("SUCCEEDED",), "system-dag-driver"),
        Item("root", (state,), "root", inner),
    )
    nodes = _nodes("", Item(WORKFLOW, (state,), "entrypoint", root), wrapped)
    return {"state": state, "workflow": manifest(nodes), **more}


def manifest(nodes: Values) -> Values:
    """The workflow with these nodes."""
    return {
        "metadata": {
            "name": WORKFLOW,
            "creationTimestamp": START,
            "annotations": {"workflows.argoproj.io/pod-name-format": "v2"},
        },
        "spec": {"entrypoint": "entrypoint"},
        "status": {"nodes": nodes},
    }


def condition(state: str, *stages: list[Item]) -> list[Item]:
    """The nodes of a condition, those of the stages in it included."""
    inner = tuple(item for stage in stages for item in stage)
    return [
        Item("condition-1-driver", ("SUCCEEDED",), "system-dag-driver"),
        Item("condition-1", (state,), "condition", inner),
    ]


def turn(number: int) -> str:
    """The path of the group of a turn of a loop, as Kubeflow's compiler and Argo name it."""
    return f"root.for-loop-1.iteration-iterations({number}:{number}).iteration-item"


def loop(state: str, *turns: list[Item]) -> list[Item]:
    """The nodes of a loop with a stage in each turn, whose group is `turn`."""
    iterations = tuple(
        Item(
            turn(number).split(".")[2],
            (state,),
            "iteration",
            (
                Item("iteration-item-driver", ("SUCCEEDED",), "system-dag-driver"),
                Item("iteration-item", (state,), "item", tuple(stage)),
            ),
        )
        for number, stage in enumerate(turns)
    )
    driver = Item("iteration-driver", ("SUCCEEDED",), "system-dag-driver")
    return [Item("for-loop-1", (state,), "loop", (driver, *iterations))]


def stage(
    name: str,
    state: str,
    *executors: str,
    driver: str = "SUCCEEDED",
    error: str = "",
    group: str = "root",
    outputs: dict[str, str] | None = None,
) -> list[Item]:
    """The nodes of a stage; executors: states of its attempts.

    group: the path of what the stage is in, for the reader. outputs: artifact → address, where the
    driver told the launcher to write it.
    """
    task = name.replace("_", "-")
    items = [Item(f"{task}-driver", (driver,), "system-container-driver")]
    if not state:
        return items
    inner: tuple[Item, ...] = ()
    if executors:
        spec = {"pod-spec-patch": json.dumps(writing_pod(**outputs)["spec"])} if outputs else {}
        template = "retry-system-container-impl"
        inner = (Item("executor", executors, template, message=error, parameters=spec),)
    message = "" if executors else error
    return [*items, Item(task, (state,), "retry-system-container-executor", inner, message)]


def pod_name(name: str, attempt: int = 0, group: str = "root") -> str:
    """The pod in which an attempt of a stage runs."""
    parts = [WORKFLOW, *group.split("."), name.replace("_", "-")]
    path = ".".join(f"{part}(0)" for part in parts)
    number = node_id(f"{path}.executor({attempt})").rpartition("-")[2]
    return f"{WORKFLOW}-retry-system-container-impl-{number}"


def writing_pod(**uris: str) -> Values:
    """A pod that has ended well, whose launcher was told to write artifacts there."""
    artifacts = {name: {"artifacts": [{"name": name, "uri": uri}]} for name, uri in uris.items()}
    executor_input = json.dumps({"inputs": {}, "outputs": {"artifacts": artifacts}})
    command = ["/var/run/argo/argoexec", "emissary", "--", "/kfp-launcher/launch"]
    main = {"name": "main", "command": command, "args": ["--executor_input", executor_input, "--"]}
    return {"spec": {"containers": [{"name": "wait"}, main]}, "status": {"phase": "Succeeded"}}


def waiting_pod(reason: str, message: str) -> Values:
    """A pod whose container waits."""
    waiting = {"waiting": {"reason": reason, "message": message}}
    statuses = [{"name": "main", "state": waiting}]
    return {"status": {"phase": "Pending", "containerStatuses": statuses}}


def unscheduled_pod(message: str) -> Values:
    """A pod that no node takes."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    return {"status": {"phase": "Pending", "conditions": [{**condition, "message": message}]}}


def failed_pod(reason: str = "Error", exit_code: int = 1) -> Values:
    """A pod whose container failed."""
    terminated = {"terminated": {"reason": reason, "exitCode": exit_code}}
    statuses = [{"name": "main", "state": terminated}]
    return {"status": {"phase": "Failed", "containerStatuses": statuses}}


def node_id(path: str) -> str:
    """The id that Argo gives the node at a path: the workflow and the 32-bit FNV-1a hash."""
    value = 0x811C9DC5
    for byte in path.encode():
        value = (value ^ byte) * 0x01000193 % 2**32
    return f"{WORKFLOW}-{value}"


def _nodes(parent: str, item: Item, wrapped: bool) -> Values:
    """The nodes of an item and of what is in it, by id."""
    path = f"{parent}.{item.name}" if parent else item.name
    last = item.states[-1]
    message = f"omitted: depends condition not met ({last})" if last == "OMITTED" else item.message
    is_skipped = last in ("SKIPPED", "OMITTED")
    nodes = {}
    inside = path
    if (wrapped or len(item.states) > 1) and not is_skipped:
        attempts = [f"{path}({number})" for number in range(len(item.states))]
        inside = attempts[-1]
        nodes[node_id(path)] = _node(path, "Retry", last, replace(item, parameters={}), message)
        for attempt, state in zip(attempts, item.states, strict=True):
            nodes[node_id(attempt)] = _node(attempt, _type(item), state, item, message)
    else:
        kind = "Skipped" if is_skipped else _type(item)
        nodes[node_id(path)] = _node(path, kind, last, item, message)
    for child in item.children:
        nodes |= _nodes(inside, child, wrapped)
    return nodes


def _type(item: Item) -> str:
    return "Pod" if item.name == "executor" or item.name.endswith("-driver") else "DAG"


def _node(path: str, kind: str, state: str, item: Item, message: str) -> Values:
    phase = PHASES.get(state, state.capitalize())
    ended = {"finishedAt": END} if phase in PHASES.values() else {"finishedAt": None}
    return {
        "id": node_id(path),
        "name": path,
        "displayName": path.rpartition(".")[2],
        "type": kind,
        "phase": phase,
        "templateName": item.template,
        "startedAt": START,
        "message": message,
        "inputs": {
            "parameters": [{"name": name, "value": v} for name, v in item.parameters.items()]
        },
        **ended,
    }
