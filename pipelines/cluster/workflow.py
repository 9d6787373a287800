"""The Argo workflow of a run: its nodes and pods, as Kubeflow Pipelines keeps them.

The v2beta1 API lists the nodes of a run by display names that are not unique, without types,
templates, messages and pods. The server keeps the whole workflow beside them and returns it with
the v1beta1 form of the run; it is still there after Kubernetes has deleted the workflow and its
pods, which a stock installation does an hour after the end.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from pipelines.cluster.connection import Connection

PART = re.compile(r"[^.(]+(?:\([^)]*\))*")
ATTEMPT = re.compile(r"\((\d+)\)$")
"""An attempt ends in one number, "(1)"; the turn of a loop in two, "(1:1)"."""
POD_SPEC = "pod-spec-patch"
"""The parameter by which a driver passes the launcher's arguments to the pod of a stage."""


@dataclass(frozen=True)
class Node:
    """One node of a workflow.

    path: the names from the workflow down, without attempts; attempts: of each name its attempt, 0
    where there are none. is_attempt: whether it is one attempt of a node of type Retry. phase: of
    Argo: Pending, Running, Succeeded, Skipped, Failed, Error, Omitted. parameters: its inputs and
    outputs, by name.
    """

    id: str
    path: tuple[str, ...]
    attempts: tuple[int, ...]
    is_attempt: bool
    type: str
    phase: str
    template: str
    message: str
    started_at: datetime | None
    finished_at: datetime | None
    parameters: Mapping[str, str]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Node":
        """The node that an entry of a workflow's status describes."""
        parts = PART.findall(values["name"])
        attempts = [ATTEMPT.search(part) for part in parts]
        given = [values.get(side, {}).get("parameters", []) for side in ("inputs", "outputs")]
        return cls(
            id=values["id"],
            path=tuple(ATTEMPT.sub("", part) for part in parts),
            attempts=tuple(int(match[1]) if match else 0 for match in attempts),
            is_attempt=attempts[-1] is not None,
            type=values.get("type", ""),
            phase=values.get("phase", "Pending"),
            template=values.get("templateName", ""),
            message=" ".join(values.get("message", "").split()),
            started_at=_time(values.get("startedAt")),
            finished_at=_time(values.get("finishedAt")),
            parameters={
                each["name"]: each["value"] for side in given for each in side if "value" in each
            },
        )

    @property
    def name(self) -> str:
        """The last name of its path."""
        return self.path[-1]

    def output_uri(self, artifact: str) -> str | None:
        """The address to which the launcher of this node has to write an artifact."""
        try:
            containers = json.loads(self.parameters.get(POD_SPEC, "{}")).get("containers", [])
        except ValueError:
            return None
        return next(filter(None, (written_uri(each, artifact) for each in containers)), None)


@dataclass(frozen=True)
class Workflow:
    """The workflow of a run.

    is_terminated: whether somebody has cancelled it. created_on: the day, "2026-01-31", that the
    archive of logs is sorted by. has_named_pods: whether the names of pods have their template in
    them, as Argo names them since 3.4.
    """

    name: str
    nodes: tuple[Node, ...]
    is_terminated: bool
    created_on: str
    has_named_pods: bool

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "Workflow":
        """The workflow that a manifest describes."""
        metadata, spec = manifest["metadata"], manifest.get("spec", {})
        nodes = (manifest.get("status", {}).get("nodes") or {}).values()
        pod_names = metadata.get("annotations", {}).get("workflows.argoproj.io/pod-name-format")
        return cls(
            name=metadata.get("name", ""),
            nodes=tuple(map(Node.of, nodes)),
            is_terminated=spec.get("activeDeadlineSeconds") == 0 or bool(spec.get("shutdown")),
            created_on=str(metadata.get("creationTimestamp", ""))[:10],
            has_named_pods=pod_names != "v1",
        )

    def pod(self, node: Node) -> str:
        """The name of the pod of a node."""
        if not self.has_named_pods:
            return node.id
        return f"{self.name}-{node.template}-{node.id.rpartition('-')[2]}"

    def newest(self, *names: str) -> list[Node]:
        """The nodes whose paths end in `names`, attempts left out: those of a loop are several.

        Where what is around them was tried again, those of the last attempt.
        """
        found: dict[tuple[str, ...], Node] = {}
        for node in self.nodes:
            if node.path[-len(names) :] == names and not node.is_attempt:
                known = found.get(node.path)
                if known is None or node.attempts > known.attempts:
                    found[node.path] = node
        return list(found.values())

    def pods_of(self, *names: str) -> list[Node]:
        """The pods at paths that end in `names`, the newest attempt last."""
        found = (n for n in self.nodes if n.type == "Pod" and n.path[-len(names) :] == names)
        return sorted(found, key=lambda node: (node.path, node.attempts))


EMPTY = Workflow("", (), is_terminated=False, created_on="", has_named_pods=True)
"""What is known of a run that has no workflow yet, or at a host that does not return it."""


def read_workflow(connection: Connection, run_id: str) -> Workflow:
    """The workflow of a run; EMPTY if the host has none."""
    body = connection.page(f"/apis/v1beta1/runs/{run_id}")
    try:
        manifest = json.loads(json.loads(body or b"")["pipeline_runtime"]["workflow_manifest"])
        return Workflow.of(manifest)
    except (ValueError, KeyError, TypeError):
        return EMPTY


def written_uri(container: Mapping[str, Any], artifact: str) -> str | None:
    """The address of an output artifact among the arguments of a container's launcher."""
    words = [*(container.get("command") or []), *(container.get("args") or [])]
    for option, value in pairwise(words):
        if option == "--executor_input":
            outputs = json.loads(value).get("outputs", {}).get("artifacts", {})
            written = outputs.get(artifact, {}).get("artifacts", [])
            return written[0]["uri"] if written else None
    return None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
