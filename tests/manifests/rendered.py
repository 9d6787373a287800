"""What the tests of manifests/ share: its folders, and objects as kustomize renders them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

MANIFESTS = Path(__file__).parents[2] / "manifests"
OVERLAYS = ["kind", "minikube", "gke-gpu", "gke-tpu"]
JOBS = ["finetune-gpus", "finetune-tpu-hosts"]
FOLDERS = [MANIFESTS / "overlays" / name for name in OVERLAYS] + [
    MANIFESTS / "jobs" / name for name in JOBS
]

Render = Callable[[Path], list[dict[str, Any]]]


def of_kind(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each for each in objects if each["kind"] == kind]


def only(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    [found] = of_kind(objects, kind)
    return found
