"""What a run that succeeded leaves, over HTTP: verdict and report on this machine."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bertline.artifacts import new_artifact, write_json
from bertline.evaluation.gate import Gate, judge
from pipelines.recipe import PIPELINES
from tests.evaluation.sample_results import make_file, make_results
from tests.pipelines.cluster.conftest import RUN
from tests.pipelines.cluster.kubeflow import Kubeflow
from tests.pipelines.cluster.workflow import frame, pod_name, stage, writing_pod

Bertline = Callable[..., int]
Captured = pytest.CaptureFixture[str]
ROOT = "v2/artifacts/snips/r"
DONE = [stage(name, "SUCCEEDED", "SUCCEEDED") for name in PIPELINES["train"]]


@pytest.fixture(params=[True, False])
def judged(request: pytest.FixtureRequest, kubeflow: Kubeflow, tmp_path: Path) -> bool:
    """Whether the model is blessed, of a run that has left a report and its note of publishing."""
    blessed: bool = request.param
    measured = make_results(make_file("openvino_int8", slot_f1=90))
    verdict = judge(Gate(minimum={"slot_f1": 85 if blessed else 95}), measured)
    version = "/bertline/registry/snips/1" if blessed else None
    with new_artifact(tmp_path / "made/report", "report") as folder:
        write_json(folder / "metrics.json", measured.model_dump())
        write_json(folder / "verdict.json", verdict.model_dump())
        (folder / "report.html").write_text("<p>page</p>")
        (folder / "model_card.md").write_text("# card")
    with new_artifact(tmp_path / "made/published", "published", {"path": version}):
        pass
    for name, where in (("report", "evaluate/a1"), ("published", "publish/b2")):
        for file in (tmp_path / "made" / name).iterdir():
            key = f"{ROOT}/{where}/{name}/{file.name}"
            kubeflow.objects["mlpipeline", key] = file.read_bytes()
    kubeflow.pods |= {
        pod_name("evaluate"): writing_pod(
            page="minio://mlpipeline/elsewhere",
            report=f"minio://mlpipeline/{ROOT}/evaluate/a1/report",
        ),
        pod_name("publish"): writing_pod(
            published=f"minio://mlpipeline/{ROOT}/publish/b2/published"
        ),
    }
    kubeflow.frames = [frame("SUCCEEDED", *DONE)]
    return blessed


def test_verdict_and_report_come_back(
    bertline: Bertline, kubeflow: Kubeflow, judged: bool, capsys: Captured, tmp_path: Path
) -> None:
    assert bertline("runs", RUN) == 0
    lines = capsys.readouterr().out.splitlines()
    folder = Path("runs/cluster") / RUN
    assert lines[-1] == f"report: {folder}/report/report.html"
    assert lines[-2] == f"published: {'/bertline/registry/snips/1' if judged else 'nothing'}"
    assert any(line.startswith("BLESSED" if judged else "NOT BLESSED") for line in lines)
    assert (tmp_path / folder / "report/report.html").read_text() == "<p>page</p>"
    assert (tmp_path / folder / "report/model_card.md").is_file()


def test_host_without_pages_still_tells_that_a_run_succeeded(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    kubeflow.is_api_only = True
    kubeflow.frames = [frame("SUCCEEDED", *DONE)]
    assert bertline("runs", RUN) == 0
    assert capsys.readouterr().out == (
        "results stay on the cluster: report: the host does not tell where it is; pods are gone, "
        "or --host is not that of ml-pipeline-ui\n"
    )


def test_damaged_report_is_not_kept(
    bertline: Bertline, kubeflow: Kubeflow, judged: bool, capsys: Captured
) -> None:
    kubeflow.objects["mlpipeline", f"{ROOT}/evaluate/a1/report/report.html"] = b"<p>pa"
    assert bertline("runs", RUN) == 0
    assert "report.html: came damaged" in capsys.readouterr().out
    assert not list(Path("runs/cluster", RUN).iterdir())


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket named "artifacts" of a storage emulator that the environment points to."""
    from gcp_storage_emulator.server import create_server
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://localhost:{port}")
    monkeypatch.setenv("no_proxy", "*")
    server = create_server("localhost", port, in_memory=True, default_bucket="artifacts")
    server.start()
    client = storage.Client(project="emulated", credentials=AnonymousCredentials())
    yield client.bucket("artifacts")
    client.close()
    server.stop()


def test_report_in_a_bucket_comes_from_there(
    bertline: Bertline, kubeflow: Kubeflow, judged: bool, bucket: Any, capsys: Captured
) -> None:
    for (_, key), content in kubeflow.objects.items():
        bucket.blob(key).upload_from_string(content)
    kubeflow.objects.clear()
    for name, where in (("evaluate", "a1/report"), ("publish", "b2/published")):
        uri = f"gs://artifacts/{ROOT}/{name}/{where}"
        kubeflow.pods[pod_name(name)] = writing_pod(**{where[3:]: uri})
    assert bertline("runs", RUN) == 0
    assert f"\n{'' if judged else 'NOT '}BLESSED" in capsys.readouterr().out


def test_bucket_that_does_not_have_it_is_told(
    bertline: Bertline, kubeflow: Kubeflow, judged: bool, bucket: Any, capsys: Captured
) -> None:
    kubeflow.pods[pod_name("evaluate")] = writing_pod(report="gs://artifacts/gone")
    assert bertline("runs", RUN) == 0
    output = capsys.readouterr().out
    assert output.startswith("results stay on the cluster: gs://artifacts/gone/manifest.json: no ")
    assert output.count("\n") == 1


def test_conversion_tells_where_its_files_are(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    kubeflow.frames = [frame("SUCCEEDED", stage("convert", "SUCCEEDED", "SUCCEEDED"))]
    kubeflow.pods = {pod_name("convert"): writing_pod(exported="gs://bucket/convert/exported")}
    assert bertline("runs", RUN) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "exported: gs://bucket/convert/exported"
