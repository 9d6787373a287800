"""`bertline submit`, over HTTP: what it makes in Kubeflow."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.cli import main
from tests.pipelines.cluster.kubeflow import Kubeflow
from tests.pipelines.cluster.workflow import frame, pod_name, stage, writing_pod

Bertline = Callable[..., int]
Captured = pytest.CaptureFixture[str]


def test_run_is_of_the_version_that_was_uploaded(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    arguments = ["snips", "--set", "target.kubeflow.service_account=runner"]
    arguments += ["--set", "finetune.num_epochs=1"]
    assert bertline("submit", *arguments, "--no-wait") == 0
    (pipeline,) = kubeflow.pipelines.values()
    (version,) = kubeflow.versions.values()
    *_, run = kubeflow.runs.values()
    assert pipeline["name"] == "snips"
    assert version["pipeline_spec"]["pipeline_spec"]["pipelineInfo"]["name"] == "snips"
    assert "kubernetes" in version["pipeline_spec"]["platform_spec"]["platforms"]
    assert run["pipeline_version_reference"] == {
        "pipeline_id": pipeline["pipeline_id"],
        "pipeline_version_id": version["pipeline_version_id"],
    }
    assert run["service_account"] == "runner"
    assert run["display_name"] == "snips finetune.num_epochs=1"
    (experiment,) = kubeflow.experiments.values()
    assert run["experiment_id"] == experiment["experiment_id"]
    assert "namespace" not in experiment
    output = capsys.readouterr().out
    assert output == f"run: {run['run_id']}\nversion: {version['name']}\n"


def test_run_is_followed_to_its_end(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    converted = stage("convert", "SUCCEEDED", "SUCCEEDED")
    kubeflow.frames = [{"state": "PENDING"}, frame("SUCCEEDED", converted)]
    kubeflow.pods = {pod_name("convert"): writing_pod(exported="gs://bucket/convert/exported")}
    assert bertline("submit", "convert") == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "exported: gs://bucket/convert/exported"
    assert captured.err == "  convert           done in 42 s\n"


@pytest.mark.parametrize("command", [["submit", "--no-wait"], ["schedule", "--every", "1d"]])
def test_each_shard_is_a_task_where_it_is_asked_for(
    command: list[str], bertline: Bertline, kubeflow: Kubeflow
) -> None:
    assert bertline(*command, "snips", "--num-shards", "2") == 0
    (version,) = kubeflow.versions.values()
    tasks = version["pipeline_spec"]["pipeline_spec"]["root"]["dag"]["tasks"]
    assert [name for name, task in tasks.items() if "parameterIterator" in task]
    assert "merge-features" in tasks
    assert "tokenize" not in tasks


def test_same_submission_makes_no_second_version(bertline: Bertline, kubeflow: Kubeflow) -> None:
    for _ in range(2):
        assert bertline("submit", "snips", "--no-wait") == 0
    assert (len(kubeflow.pipelines), len(kubeflow.versions), len(kubeflow.runs)) == (1, 1, 3)
    assert bertline("submit", "snips", "--no-wait", "--set", "finetune.seed=2") == 0
    assert (len(kubeflow.pipelines), len(kubeflow.versions), len(kubeflow.runs)) == (1, 2, 4)
    first, second = (version["name"] for version in kubeflow.versions.values())
    assert first != second
    assert len(kubeflow.experiments) == 1


def test_pipeline_that_somebody_else_makes_meanwhile(
    bertline: Bertline, kubeflow: Kubeflow
) -> None:
    def after(request: str) -> None:
        if request.endswith("/pipelines/names/snips"):
            other = {"name": "snips", "display_name": "snips", "pipeline_id": "theirs"}
            kubeflow.pipelines["theirs"] = other

    kubeflow.after = after
    assert bertline("submit", "snips", "--no-wait") == 0
    (version,) = kubeflow.versions.values()
    assert version["pipeline_id"] == "theirs"


def test_namespace_is_named_where_there_are_several(bertline: Bertline, kubeflow: Kubeflow) -> None:
    kubeflow.multi_user = True
    assert bertline("submit", "snips", "--no-wait", "--set", "target.kubeflow.namespace=ann") == 0
    (experiment,) = kubeflow.experiments.values()
    (pipeline,) = kubeflow.pipelines.values()
    assert experiment["namespace"] == pipeline["namespace"] == "ann"


def test_version_is_named_by_its_content(bertline: Bertline, kubeflow: Kubeflow) -> None:
    file = Path("snips.yaml")
    assert bertline("submit", "snips", "--no-wait") == 0
    assert main(["compile", "snips", "--target", "kind", "-o", str(file)]) == 0
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (version,) = kubeflow.versions.values()
    assert version["name"] == f"snips-{digest[:12]}"
