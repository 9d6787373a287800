"""Names of the nodes and pods of a run's workflow.

Kubeflow's API lists the nodes of a run by names that are not unique ("executor"), without ids and
pods, but with the ids of their children. A node's id follows from its path in the workflow, and a
pod's name from that: the name of the workflow and the 32-bit FNV-1a hash of the path, in a pod's
name with its template between (Argo Workflows 3.4 and later). So paths are tried on the ids.

A stage `ingest` is three nodes: the pod "root.ingest-driver", the group "root.ingest", and in that
the pod "executor", or where retries are allowed the pods "executor(0)", "executor(1)", …
"""

from collections.abc import Collection
from dataclasses import dataclass

DRIVER = "system-container-driver"
EXECUTOR = "system-container-impl"
RETRIED = "retry-system-container-impl"


@dataclass(frozen=True)
class Workflow:
    """The workflow of a run: its name, and the paths of the nodes that it has so far."""

    name: str
    paths: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Collection[str], ids: Collection[str]) -> "Workflow":
        """The workflow whose nodes have these names, and all but the first these ids."""
        known = set(ids)
        if not known:
            return cls("")
        workflow = min(known).rpartition("-")[0]
        paths, order = [workflow], sorted(names)
        for parent in paths:  # grows on the way
            paths += [path for name in order if node_id(path := f"{parent}.{name}") in known]
        return cls(workflow, tuple(paths))

    def pods(self, task: str) -> list[str]:
        """The pods of a task in the order of its attempts; before the first one, its driver's.

        task: as kfp names it ("import-checkpoint"), at the root or in groups: a condition, the
        turns of a loop, whose pods follow each other.
        """
        executors = [path for path in self.paths if path.endswith(f".{task}.executor")]
        if executors:
            return [pod for path in executors for pod in self._attempts(path)]
        drivers = [path for path in self.paths if path.endswith(f".{task}-driver")]
        return [self._pod(path, DRIVER) for path in drivers]

    def _attempts(self, path: str) -> list[str]:
        count = sum(each.startswith(f"{path}(") for each in self.paths)
        attempts = [self._pod(f"{path}({number})", RETRIED) for number in range(count)]
        return attempts or [self._pod(path, EXECUTOR)]

    def _pod(self, path: str, template: str) -> str:
        return f"{self.name}-{template}-{_hash(path)}"


def node_id(path: str) -> str:
    """The id of the node at a path, which begins with the name of the workflow."""
    return f"{path.partition('.')[0]}-{_hash(path)}"


def _hash(text: str) -> int:
    """The 32-bit FNV-1a hash."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 % 2**32
    return value
