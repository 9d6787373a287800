"""Nodes of a workflow as the API tells them, and pods as Kubernetes does."""

import json
import zlib
from typing import Any

START, END = "2026-01-05T03:00:00Z", "2026-01-05T03:00:42Z"
NEVER = "1970-01-01T00:00:00Z"


def frame(state: str, *stages: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """What a request for a run tells of it: its state and the nodes of its stages."""
    nodes = [node for stage in stages for node in stage]
    return {"state": state, "run_details": {"task_details": nodes}, **more}


def stage(
    name: str,
    state: str,
    *executors: str,
    driver: str = "SUCCEEDED",
    next_stage: str = "",
    error: str = "",
) -> list[dict[str, Any]]:
    """The nodes of a stage; executors: states of its attempts, grouped if there are several.

    next_stage: whose driver hangs below the last pod, as the workflow has it.
    """
    task = name.replace("_", "-")
    after = [f"{next_stage}-driver"] if next_stage else []
    nodes = [_node(task, f"{task}-driver", "system-container-driver", driver, [task])]
    if not state:
        return nodes
    nodes.append(_node(task, task, "system-container-executor", state, [f"{task}/executor"]))
    if error:
        nodes[-1]["error"] = {"code": 9, "message": error, "details": []}
    impl = "system-container-impl"
    if len(executors) > 1:
        attempts = [f"{task}/executor({number})" for number in range(len(executors))]
        nodes.append(_node(task, f"{task}/executor", f"retry-{impl}", state, attempts))
        for attempt, each in zip(attempts, executors, strict=True):
            nodes.append(_node(task, attempt, f"retry-{impl}", each, after))
    elif executors:
        nodes.append(_node(task, f"{task}/executor", impl, executors[0], after))
    return nodes


def pod_name(name: str, attempt: int | None = None) -> str:
    """The pod in which an attempt of a stage runs; None: the only one."""
    task = name.replace("_", "-")
    if attempt is None:
        return f"snips-x-system-container-impl-{_number(f'{task}/executor')}"
    return f"snips-x-retry-system-container-impl-{_number(f'{task}/executor({attempt})')}"


def writing_pod(**uris: str) -> dict[str, Any]:
    """A pod that has ended well, whose launcher was told to write artifacts there."""
    artifacts = {name: {"artifacts": [{"name": name, "uri": uri}]} for name, uri in uris.items()}
    executor_input = json.dumps({"inputs": {}, "outputs": {"artifacts": artifacts}})
    command = ["/var/run/argo/argoexec", "emissary", "--", "/kfp-launcher/launch"]
    main = {"name": "main", "command": command, "args": ["--executor_input", executor_input, "--"]}
    return {"spec": {"containers": [{"name": "wait"}, main]}, "status": {"phase": "Succeeded"}}


def waiting_pod(reason: str, message: str) -> dict[str, Any]:
    """A pod whose container waits."""
    waiting = {"waiting": {"reason": reason, "message": message}}
    statuses = [{"name": "main", "state": waiting}]
    return {"status": {"phase": "Pending", "containerStatuses": statuses}}


def unscheduled_pod(message: str) -> dict[str, Any]:
    """A pod that no node takes."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    return {"status": {"phase": "Pending", "conditions": [{**condition, "message": message}]}}


def failed_pod(reason: str = "Error", exit_code: int = 1) -> dict[str, Any]:
    """A pod whose container failed."""
    terminated = {"terminated": {"reason": reason, "exitCode": exit_code}}
    statuses = [{"name": "main", "state": terminated}]
    return {"status": {"phase": "Failed", "containerStatuses": statuses}}


def _node(task: str, key: str, template: str, state: str, children: list[str]) -> dict[str, Any]:
    return {
        "run_id": "r",
        "task_id": f"task-{_number(key)}",
        "display_name": key.removeprefix(f"{task}/"),
        "create_time": START,
        "start_time": START,
        "end_time": END if state in ("SUCCEEDED", "FAILED", "SKIPPED") else NEVER,
        "state": state,
        "pod_name": f"snips-x-{template}-{_number(key)}",
        "child_tasks": [{"pod_name": f"snips-x-{_number(child)}"} for child in children],
    }


def _number(key: str) -> int:
    return zlib.crc32(key.encode())
