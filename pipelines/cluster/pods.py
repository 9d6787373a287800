"""What Kubernetes reports of pods: why one waits or failed, its progress, where it writes.

Kubeflow's API has none of this (kubeflow/pipelines issues 9858, 10634, 13192); ml-pipeline-ui,
at the same address, returns a pod, its events and its log, which it also finds in the archive after
the pod has been deleted.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from bertline.progress import MARK
from pipelines.cluster.connection import Connection
from pipelines.cluster.workflow import written_uri

ERROR = "error: "
NOISE = re.compile(r"[IWEF]\d{4} |\[KFP Executor |\{|\s*$")
"""Lines of Kubeflow's launcher and executor among those of the stage."""
FATAL = re.compile(r"F\d{4} [^\]]*\] (?P<message>.*)")
"""The line in which the launcher (klog) says why it gave up."""
STAGE_ENDED = re.compile(r"failed to execute component: exit status \d+$")
"""What it says of a stage that failed, which has said why itself."""
STARTING = ("ContainerCreating", "PodInitializing")
OUT_OF_MEMORY = "OOMKilled: it needs more memory; raise pods.STAGE.memory_limit of the target"


class Pods:
    """The pods of a namespace; each method returns None where nothing is known.

    created_on: the day of the run, which the archive of logs is sorted by.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._namespace = connection.settings.namespace
        self.created_on = ""

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
            return OUT_OF_MEMORY
        return _last_words(self._log(pod)) or (_told(ended) if ended else None)

    def progress(self, pod: str) -> str | None:
        """The newest line of progress in a pod's log."""
        marked = [line for line in self._log(pod) if line.startswith(MARK)]
        return marked[-1].removeprefix(MARK) if marked else None

    def output(self, pod: str, artifact: str) -> str | None:
        """The address that a pod writes an artifact to, from the arguments of its launcher."""
        containers = self._json("/k8s/pod", pod).get("spec", {}).get("containers", [])
        return next(filter(None, (written_uri(each, artifact) for each in containers)), None)

    def _json(self, path: str, pod: str) -> dict[str, Any]:
        body = self._connection.page(path, podname=pod, podnamespace=self._namespace)
        try:
            value = json.loads(body or b"{}")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def _log(self, pod: str) -> list[str]:
        body = self._connection.page(
            "/k8s/pod/logs",
            podname=pod,
            podnamespace=self._namespace,
            createdat=self.created_on,
        )
        return (body or b"").decode("utf-8", errors="replace").splitlines()


def _last_words(lines: list[str]) -> str | None:
    """Why a log ends: the stage's error, else the launcher's, else the last line of the stage."""
    said = [line for line in lines if line.startswith(ERROR)]
    if said:
        return said[-1].removeprefix(ERROR)
    fatal = [match["message"].strip() for match in map(FATAL.match, lines) if match]
    if fatal and not STAGE_ENDED.search(fatal[-1]):
        return f"Kubeflow's launcher: {fatal[-1]}"
    words = [line.strip() for line in lines if not NOISE.match(line)]
    return f"ended without saying why (last output: {words[-1]!r})" if words else None


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
