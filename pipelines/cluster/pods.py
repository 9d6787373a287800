"""What pods tell of themselves: why one waits or failed, how far it is, where it writes.

Kubeflow's API keeps none of this (kubeflow/pipelines issues 9858, 10634, 13192); ml-pipeline-ui,
behind the same address, passes on what Kubernetes knows of a pod, its events and its log.
"""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from bertline.progress import MARK
from pipelines.cluster.connection import Connection

ERROR = "error: "
# Lines of Kubeflow's launcher and executor, among those of the stage.
NOISE = re.compile(r"[IWEF]\d{4} |\[KFP Executor |\s*$")
STARTING = ("ContainerCreating", "PodInitializing")


class Pods:
    """The pods of a namespace; each method gives None where nothing is known."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._namespace = connection.settings.namespace

    def is_running(self, pod: str) -> bool:
        """Whether its containers run."""
        running: bool = self._json("/k8s/pod", pod).get("status", {}).get("phase") == "Running"
        return running

    def waits_for(self, pod: str) -> str | None:
        """Why a pod does not run: its reason and message, or the last warning about it.

        Warnings outlive a pod by an hour.
        """
        status = self._json("/k8s/pod", pod).get("status", {})
        told = next(_waiting(status), None)
        if told or status.get("phase") in ("Running", "Succeeded", "Failed"):
            return told
        events = self._json("/k8s/pod/events", pod).get("items", [])
        warnings = [event for event in events if event.get("type") == "Warning"]
        return _told(warnings[-1]) if warnings else None

    def failure(self, pod: str) -> str | None:
        """Why a pod failed: what the stage said itself, unless the pod was ended from outside."""
        status = self._json("/k8s/pod", pod).get("status", {})
        if status.get("phase") == "Succeeded":  # another turn of the loop has failed
            return None
        if status.get("reason"):  # such as Evicted, DeadlineExceeded
            return _told(status)
        ended = next(_ended(status), None)
        if ended and ended.get("reason") == "OOMKilled":
            return "OOMKilled: it needs more memory; raise pods.STAGE.memory_limit of the target"
        lines = self._log(pod)
        said = [line for line in lines if line.startswith(ERROR)]
        if said:
            return said[-1].removeprefix(ERROR)
        words = [line.strip() for line in lines if not NOISE.match(line)]
        if words:
            return f"ended without saying why (last output: {words[-1]!r})"
        return _told(ended) if ended else None

    def progress(self, pod: str) -> str | None:
        """The newest line of progress in a pod's log."""
        marked = [line for line in self._log(pod) if line.startswith(MARK)]
        return marked[-1].removeprefix(MARK) if marked else None

    def output(self, pod: str, artifact: str) -> str | None:
        """The address that a pod writes an artifact to, from the arguments of its launcher."""
        for container in self._json("/k8s/pod", pod).get("spec", {}).get("containers", []):
            words = [*(container.get("command") or []), *(container.get("args") or [])]
            for option, value in pairwise(words):
                if option == "--executor_input":
                    outputs = json.loads(value).get("outputs", {}).get("artifacts", {})
                    written = outputs.get(artifact, {}).get("artifacts", [])
                    return written[0]["uri"] if written else None
        return None

    def _json(self, path: str, pod: str) -> dict[str, Any]:
        body = self._connection.page(path, podname=pod, podnamespace=self._namespace)
        try:
            value = json.loads(body or b"{}")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def _log(self, pod: str) -> list[str]:
        body = self._connection.page("/k8s/pod/logs", podname=pod, podnamespace=self._namespace)
        return (body or b"").decode("utf-8", errors="replace").splitlines()


def _waiting(status: dict[str, Any]) -> Iterator[str]:
    """Reasons to wait: of containers, then of the scheduler."""
    for container in _containers(status):
        waiting = container.get("state", {}).get("waiting") or {}
        if waiting and waiting.get("reason") not in STARTING:
            yield _told(waiting)
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield _told(condition)


def _ended(status: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for container in _containers(status):
        terminated = container.get("state", {}).get("terminated") or {}
        if terminated.get("exitCode"):
            yield terminated


def _containers(status: dict[str, Any]) -> list[dict[str, Any]]:
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def _told(state: dict[str, Any]) -> str:
    """Reason and message of something that Kubernetes tells, in one line."""
    parts = [state.get("reason"), state.get("message")]
    return ": ".join(" ".join(part.split()) for part in parts if part)
