"""Workflows of Kubeflow Pipelines 2.16 and 2.17, and objects recorded from a real 2.17."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.cluster.stages import run_message, stages_of
from pipelines.cluster.workflow import Workflow
from tests.pipelines.cluster.workflow import (
    CONDITION,
    WORKFLOW,
    condition,
    frame,
    loop,
    manifest,
    pod_name,
    stage,
    turn,
)

RECORDED = "oracle/kfp-2.17.0"


def workflow_of(*stages: Any, state: str = "RUNNING", wrapped: bool = True) -> Workflow:
    return Workflow.of(frame(state, *stages, wrapped=wrapped)["workflow"])


@pytest.mark.parametrize("wrapped", [True, False])
def test_states_and_attempts_of_stages(wrapped: bool) -> None:
    workflow = workflow_of(
        stage("import_checkpoint", "SKIPPED"),
        stage("ingest", "SUCCEEDED", "SUCCEEDED"),
        stage("tokenize", "RUNNING", "FAILED", "RUNNING"),
        stage("finetune", "", driver="PENDING"),
        stage("export", "OMITTED", driver="OMITTED"),
        wrapped=wrapped,
    )
    found = {s.name: (s.state, s.attempt, s.seconds) for s in stages_of(workflow)}
    assert found == {
        "import_checkpoint": ("skipped", 0, None),
        "ingest": ("done", 1, 42.0),
        "tokenize": ("running", 2, None),
        "finetune": ("running", 0, None),
    }


def test_pods_are_named_as_argo_names_them() -> None:
    turns = loop("RUNNING", *(stage("tokenize", "RUNNING", "RUNNING") for _ in range(2)))
    inside = condition("RUNNING", stage("export", "RUNNING", "FAILED", "RUNNING"))
    workflow = workflow_of(turns, inside)
    stages = {each.name: each for each in stages_of(workflow)}
    assert [workflow.pod(pod) for pod in stages["tokenize"].pods] == [
        pod_name("tokenize", group=turn(number)) for number in range(2)
    ]
    assert [workflow.pod(pod) for pod in stages["export"].pods] == [
        pod_name("export", attempt, CONDITION) for attempt in range(2)
    ]


def test_pods_of_installations_with_the_old_names() -> None:
    values = frame("RUNNING", stage("ingest", "RUNNING", "RUNNING"))["workflow"]
    values["metadata"]["annotations"] = {"workflows.argoproj.io/pod-name-format": "v1"}
    workflow = Workflow.of(values)
    (ingest,) = stages_of(workflow)
    assert workflow.pod(ingest.pods[-1]) == pod_name("ingest").replace(
        "retry-system-container-impl-", ""
    )


def test_what_is_tried_again_as_a_whole_counts_as_last_tried() -> None:
    """Argo may repeat a group above a stage; what it left before is history."""
    first = frame("FAILED", stage("ingest", "FAILED", "FAILED"))["workflow"]["status"]["nodes"]
    again = {}
    for node in first.values():
        name = node["name"].replace(f"{WORKFLOW}(0)", f"{WORKFLOW}(1)")
        if name != node["name"]:
            id = f"{node['id']}7"
            phase = "Running" if node["phase"] == "Failed" else node["phase"]
            again[id] = {**node, "name": name, "id": id, "phase": phase}
    (ingest,) = stages_of(Workflow.of(manifest({**first, **again})))
    assert (ingest.state, ingest.attempt) == ("running", 2)


@pytest.mark.parametrize(
    ("spec", "is_terminated"),
    [({}, False), ({"activeDeadlineSeconds": 0}, True), ({"shutdown": "Terminate"}, True)],
)
def test_cancelled_workflow_says_so(spec: dict[str, Any], is_terminated: bool) -> None:
    assert Workflow.of({**manifest({}), "spec": spec}).is_terminated == is_terminated


@pytest.fixture
def recorded(shared: Path) -> Path:
    return shared / RECORDED


def read(file: Path) -> Workflow:
    return Workflow.of(json.loads(file.read_text(encoding="utf-8")))


@pytest.mark.real
def test_recorded_run_that_succeeded(recorded: Path) -> None:
    workflow = read(recorded / "workflow-succeeded.json")
    stages = stages_of(workflow)
    assert [stage.name for stage in stages] == [
        "import_checkpoint",
        "ingest",
        "tokenize",
        "finetune",
        "export",
        "evaluate",
        "publish",
    ]
    assert {(stage.state, stage.attempt) for stage in stages} == {("done", 1)}
    assert {stage.name: stage.seconds for stage in stages}["publish"] == 20
    pods = json.loads((recorded / "pods-succeeded.json").read_text(encoding="utf-8"))
    names = {pod["metadata"]["name"] for pod in pods.get("items", pods)}
    assert {workflow.pod(pod) for stage in stages for pod in stage.pods} <= names


@pytest.mark.real
def test_recorded_failures(recorded: Path) -> None:
    failed = read(recorded / "workflow-stage-failed.json")
    assert [(s.name, s.state, s.message) for s in stages_of(failed)] == [
        ("import_checkpoint", "failed", None),
        ("ingest", "failed", None),
    ]
    broken = read(recorded / "workflow-container-failed.json")
    assert {s.message for s in stages_of(broken)} == {"envFrom"}
    refused = read(recorded / "workflow-service-account-missing.json")
    assert stages_of(refused) == []
    assert 'serviceaccount "nobody" not found' in (run_message(refused) or "")


@pytest.mark.real
@pytest.mark.parametrize("name", ["retrain", "shards"])
def test_recorded_runs_that_wait(recorded: Path, name: str) -> None:
    workflow = read(recorded / f"workflow-{name}-pending.json")
    assert stages_of(workflow) == []
    assert run_message(workflow) is None
