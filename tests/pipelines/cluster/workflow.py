"""Nodes of a workflow as the API of Kubeflow 2.16 tells them, and pods as Kubernetes does."""

import json
import uuid
from typing import Any

from pipelines.cluster.nodes import node_id

WORKFLOW = "snips-k7xw2"
CONDITION = "root.condition-1"
"""The path of the group of a condition."""
START, END = "2026-01-05T03:00:00Z", "2026-01-05T03:00:42Z"
NEVER = "1970-01-01T00:00:00Z"
Node = dict[str, Any]


def frame(state: str, *stages: list[Node], **more: Any) -> Node:
    """What a request for a run tells of it: its state, and the nodes of its workflow."""
    drivers = [stage[0]["display_name"] for stage in stages]
    inner = [f"root.{driver}" for driver in drivers]
    nodes = [
        _node(WORKFLOW, state, ["root-driver"]),
        _node("root-driver", "SUCCEEDED", ["root"]),
        _node("root", state, inner),
        *(node for stage in stages for node in stage),
    ]
    return {"state": state, "run_details": {"task_details": nodes}, **more}


def condition(state: str, *stages: list[Node]) -> list[Node]:
    """The nodes of a condition, those of the stages in it included."""
    drivers = [f"{CONDITION}.{stage[0]['display_name']}" for stage in stages]
    return [
        _node("condition-1-driver", "SUCCEEDED", [CONDITION]),
        _node("condition-1", state, drivers),
        *(node for stage in stages for node in stage),
    ]


def turn(number: int) -> str:
    """The path of the group of a turn of a loop, as Kubeflow's compiler and Argo name it."""
    return f"root.for-loop-1.iteration-iterations({number}:{number}).iteration-item"


def loop(state: str, *turns: list[Node]) -> list[Node]:
    """The nodes of a loop with a stage in each turn, whose group is `turn`."""
    iterations = [turn(number).rpartition(".")[0] for number, _ in enumerate(turns)]
    nodes = [
        _node("for-loop-1", state, ["root.for-loop-1.iteration-driver"]),
        _node("iteration-driver", "SUCCEEDED", iterations),
    ]
    for iteration, stage in zip(iterations, turns, strict=True):
        item = f"{iteration}.iteration-item"
        nodes += [
            _node(iteration.rpartition(".")[2], state, [f"{item}-driver"]),
            _node("iteration-item-driver", "SUCCEEDED", [item]),
            _node("iteration-item", state, [f"{item}.{stage[0]['display_name']}"]),
            *stage,
        ]
    return nodes


def stage(
    name: str,
    state: str,
    *executors: str,
    driver: str = "SUCCEEDED",
    error: str = "",
    group: str = "root",
) -> list[Node]:
    """The nodes of a stage; executors: states of its attempts, grouped if there are several.

    What is "OMITTED", since another stage has failed, is told without a state. group: the path of
    what the stage is in.
    """
    task = name.replace("_", "-")
    path = f"{group}.{task}"
    nodes = [_node(f"{task}-driver", driver, [path])]
    if not state:
        return nodes
    nodes.append(_node(task, state, [f"{path}.executor"] if executors else []))
    if error:
        nodes[-1]["error"] = {"code": 9, "message": error, "details": []}
    if len(executors) > 1:
        attempts = [f"{path}.executor({number})" for number in range(len(executors))]
        nodes.append(_node("executor", state, attempts))
        for number, each in enumerate(executors):
            nodes.append(_node(f"executor({number})", each, ["root.next-driver"]))
    elif executors:
        nodes.append(_node("executor", executors[0], ["root.next-driver"]))
    return nodes


def pod_name(name: str, attempt: int | None = None, group: str = "root") -> str:
    """The pod in which an attempt of a stage runs; None: the only one."""
    path = f"{WORKFLOW}.{group}.{name.replace('_', '-')}.executor"
    if attempt is None:
        return node_id(path).replace("-k7xw2-", "-k7xw2-system-container-impl-")
    number = node_id(f"{path}({attempt})")
    return number.replace("-k7xw2-", "-k7xw2-retry-system-container-impl-")


def writing_pod(**uris: str) -> Node:
    """A pod that has ended well, whose launcher was told to write artifacts there."""
    artifacts = {name: {"artifacts": [{"name": name, "uri": uri}]} for name, uri in uris.items()}
    executor_input = json.dumps({"inputs": {}, "outputs": {"artifacts": artifacts}})
    command = ["/var/run/argo/argoexec", "emissary", "--", "/kfp-launcher/launch"]
    main = {"name": "main", "command": command, "args": ["--executor_input", executor_input, "--"]}
    return {"spec": {"containers": [{"name": "wait"}, main]}, "status": {"phase": "Succeeded"}}


def running_pod() -> Node:
    """A pod whose containers run."""
    statuses = [{"name": "main", "state": {"running": {"startedAt": START}}}]
    return {"status": {"phase": "Running", "containerStatuses": statuses}}


def waiting_pod(reason: str, message: str) -> Node:
    """A pod whose container waits."""
    waiting = {"waiting": {"reason": reason, "message": message}}
    statuses = [{"name": "main", "state": waiting}]
    return {"status": {"phase": "Pending", "containerStatuses": statuses}}


def unscheduled_pod(message: str) -> Node:
    """A pod that no node takes."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    return {"status": {"phase": "Pending", "conditions": [{**condition, "message": message}]}}


def failed_pod(reason: str = "Error", exit_code: int = 1) -> Node:
    """A pod whose container failed."""
    terminated = {"terminated": {"reason": reason, "exitCode": exit_code}}
    statuses = [{"name": "main", "state": terminated}]
    return {"status": {"phase": "Failed", "containerStatuses": statuses}}


def _node(display_name: str, state: str, children: list[str]) -> Node:
    node: Node = {
        "run_id": "r",
        "task_id": str(uuid.uuid4()),
        "display_name": display_name,
        "create_time": START,
        "start_time": START,
        "end_time": END if state in ("SUCCEEDED", "FAILED", "SKIPPED") else NEVER,
        "child_tasks": [{"pod_name": node_id(f"{WORKFLOW}.{child}")} for child in children],
    }
    return node if state == "OMITTED" else node | {"state": state}
