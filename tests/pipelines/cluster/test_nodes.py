"""The names are those of a run of Kubeflow Pipelines 2.16, the first two of 2.4 and earlier."""

import pytest

from pipelines.cluster.nodes import Workflow, node_id

NAMES = {
    "general-cpu-rnggt",
    "root-driver",
    "root",
    "workspace-name-driver",
    "workspace-name",
    "executor",
    "executor(0)",
    "prepare-driver",
    "prepare",
}
IDS = {
    "general-cpu-rnggt-3519902132",
    "general-cpu-rnggt-4293776163",
    "general-cpu-rnggt-3792864325",
    "general-cpu-rnggt-3375089848",
    "general-cpu-rnggt-807657059",
    "general-cpu-rnggt-1467617326",
    "general-cpu-rnggt-423388935",
    "general-cpu-rnggt-2461908642",
}


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("ml-pipeline-8xfss.root-driver", 4173759003),
        ("fetch-and-store-pipeline-m6kbg.root-driver", 1735541709),
        ("general-cpu-rnggt.root", 4293776163),
        ("general-cpu-rnggt.root.workspace-name.executor(0)", 1467617326),
    ],
)
def test_ids_follow_from_paths(path: str, number: int) -> None:
    assert node_id(path) == f"{path.partition('.')[0]}-{number}"


def test_paths_and_pods_follow_from_names_and_ids() -> None:
    workflow = Workflow.of(NAMES, IDS)
    assert workflow.name == "general-cpu-rnggt"
    assert set(workflow.paths) == {
        "general-cpu-rnggt",
        "general-cpu-rnggt.root-driver",
        "general-cpu-rnggt.root",
        "general-cpu-rnggt.root.workspace-name-driver",
        "general-cpu-rnggt.root.workspace-name",
        "general-cpu-rnggt.root.workspace-name.executor",
        "general-cpu-rnggt.root.workspace-name.executor(0)",
        "general-cpu-rnggt.root.prepare-driver",
        "general-cpu-rnggt.root.prepare",
    }
    pod = "general-cpu-rnggt-retry-system-container-impl-1467617326"
    assert workflow.pods("workspace-name") == [pod]
    assert workflow.pods("prepare") == ["general-cpu-rnggt-system-container-driver-423388935"]
    assert workflow.pods("collect") == []


def test_task_in_a_condition_is_found() -> None:
    paths = [
        "a-b.root",
        "a-b.root.fresh",
        "a-b.root.fresh.ingest",
        "a-b.root.fresh.ingest.executor",
    ]
    names = {path.rpartition(".")[2] for path in paths}
    workflow = Workflow.of(names, {node_id(path) for path in paths})
    (pod,) = workflow.pods("ingest")
    assert pod == node_id(paths[-1]).replace("a-b-", "a-b-system-container-impl-")


def test_workflow_without_nodes() -> None:
    assert Workflow.of({"a"}, set()).pods("ingest") == []
