"""What a run that succeeded leaves, over HTTP: verdict and report on this machine."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bertline.artifacts import new_artifact
from bertline.drift.limits import Limits, check_data
from bertline.drift.verdict import Drift
from bertline.evaluation.gate import Gate, Verdict, judge
from bertline.evaluation.results import Results
from pipelines.recipe import PIPELINES
from tests.drift.toy_profiles import make_profile
from tests.evaluation.sample_results import make_file, make_results
from tests.pipelines.cluster.conftest import RUN
from tests.pipelines.cluster.kubeflow import Kubeflow
from tests.pipelines.cluster.workflow import (
    CONDITION,
    condition,
    frame,
    pod_name,
    stage,
    writing_pod,
)

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
    write_report(tmp_path / "made/report", measured, verdict)
    with new_artifact(tmp_path / "made/published", "published", {"path": version}):
        pass
    leave(kubeflow, "evaluate/a1", tmp_path / "made/report")
    leave(kubeflow, "publish/b2", tmp_path / "made/published")
    kubeflow.frames = [frame("SUCCEEDED", *DONE)]
    return blessed


def write_report(path: Path, measured: Results, verdict: Verdict) -> None:
    with new_artifact(path, "report") as folder:
        measured.write(folder)
        verdict.write(folder)
        (folder / "report.html").write_text("<p>page</p>")
        (folder / "model_card.md").write_text("# card")


def leave(kubeflow: Kubeflow, where: str, artifact: Path, group: str = "root") -> None:
    """Lets the pod of a stage have left an artifact; where: the stage, and a part of the place."""
    for file in artifact.iterdir():
        key = f"{ROOT}/{where}/{artifact.name}/{file.name}"
        kubeflow.objects["mlpipeline", key] = file.read_bytes()
    uris = {artifact.name: f"minio://mlpipeline/{ROOT}/{where}/{artifact.name}"}
    pod = pod_name(where.partition("/")[0], group=group)
    kubeflow.pods[pod] = writing_pod(page="minio://mlpipeline/elsewhere", **uris)


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


def test_report_is_found_after_pods_are_deleted(
    bertline: Bertline, kubeflow: Kubeflow, judged: bool, capsys: Captured
) -> None:
    places = {"evaluate": "a1/report", "publish": "b2/published"}
    kubeflow.pods.clear()
    kubeflow.frames = [
        frame(
            "SUCCEEDED",
            *(
                stage(
                    name,
                    "SUCCEEDED",
                    "SUCCEEDED",
                    outputs={place[3:]: f"minio://mlpipeline/{ROOT}/{name}/{place}"},
                )
                for name, place in places.items()
            ),
        )
    ]
    assert bertline("runs", RUN) == 0
    assert f"{'' if judged else 'NOT '}BLESSED" in capsys.readouterr().out


@pytest.mark.parametrize("final", [frame("SUCCEEDED", *DONE), {"state": "SUCCEEDED"}])
def test_run_without_its_verdict_is_a_failure(
    final: dict[str, Any], bertline: Bertline, kubeflow: Kubeflow, host: str, capsys: Captured
) -> None:
    kubeflow.is_api_only = True
    kubeflow.frames = [final]
    assert bertline("runs", RUN) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1] == (
        f"error: run {RUN} succeeded, but its results cannot be read: {host} does not return where "
        "evaluate wrote it; --host must be that of ml-pipeline-ui"
    )


def test_damaged_report_is_not_kept(
    bertline: Bertline, kubeflow: Kubeflow, judged: bool, capsys: Captured
) -> None:
    kubeflow.objects["mlpipeline", f"{ROOT}/evaluate/a1/report/report.html"] = b"<p>pa"
    assert bertline("runs", RUN) == 1
    assert "report.html: came damaged" in capsys.readouterr().err
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
    assert bertline("runs", RUN) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1].startswith(
        f"error: run {RUN} succeeded, but its results cannot be read: "
        "gs://artifacts/gone/manifest.json: no "
    )


def write_drift(path: Path, seen_in: int | None, leaked: float) -> None:
    found = Drift(
        name="snips",
        champion=1,
        seen_in=seen_in,
        checks=check_data(Limits(), make_profile(leaked=leaked), None),
        fresh=make_profile(),
        reference=None,
    )
    with new_artifact(path, "drift") as folder:
        found.write(folder)
        (folder / "drift.html").write_text("<p>data</p>")


def test_retraining_tells_of_the_data_and_of_the_model(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    write_drift(made / "drift", None, 0.0)
    before, measured = make_results(make_file("saved_model")), make_results(make_file("keras_2"))
    write_report(made / "report", before, judge(Gate(), before))
    write_report(made / "compared", measured, judge(Gate(), measured))
    reasons = ["compared with version 1, but version 2 is in use by now"]
    with new_artifact(made / "published", "published", {"path": None, "reasons": reasons}):
        pass
    leave(kubeflow, "compare_data/a", made / "drift")
    leave(kubeflow, "evaluate/b", made / "report", CONDITION)
    leave(kubeflow, "compare_models/c", made / "compared", CONDITION)
    leave(kubeflow, "publish/d", made / "published", CONDITION)
    outside = ("ingest", "compare_data")
    inside = [
        stage(name, "SUCCEEDED", "SUCCEEDED", group=CONDITION)
        for name in PIPELINES["retrain"]
        if name not in outside
    ]
    around = [stage(name, "SUCCEEDED", "SUCCEEDED") for name in outside]
    kubeflow.frames = [frame("SUCCEEDED", *around, condition("SUCCEEDED", *inside))]
    assert bertline("runs", RUN) == 0
    lines = capsys.readouterr().out.splitlines()
    folder = Path("runs/cluster") / RUN
    assert lines[0].startswith("data accepted: 5 checks")
    assert any("keras_2" in line for line in lines)
    assert not any("saved_model" in line for line in lines)
    assert lines[-3:] == [
        f"published: nothing: {reasons[0]}",
        f"report: {folder}/report/report.html",
        f"data: {folder}/drift/drift.html",
    ]
    assert (tmp_path / folder / "report/report.html").read_text() == "<p>page</p>"
    assert (tmp_path / folder / "drift/drift.html").read_text() == "<p>data</p>"


@pytest.mark.parametrize(
    ("seen_in", "leaked", "first"),
    [
        (1, 0.0, "SKIPPED: version 1 of snips has learnt from this data"),
        (None, 0.9, "DATA REFUSED, for 1 reason; version 1 stays in use:"),
    ],
)
def test_retraining_that_did_not_train_tells_why(
    seen_in: int | None,
    leaked: float,
    first: str,
    bertline: Bertline,
    kubeflow: Kubeflow,
    capsys: Captured,
    tmp_path: Path,
) -> None:
    write_drift(tmp_path / "drift", seen_in, leaked)
    leave(kubeflow, "compare_data/a", tmp_path / "drift")
    around = [stage(name, "SUCCEEDED", "SUCCEEDED") for name in ("ingest", "compare_data")]
    kubeflow.frames = [frame("SUCCEEDED", *around, condition("SKIPPED"))]
    assert bertline("runs", RUN) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0] == first
    assert lines[-2:] == [
        "published: nothing",
        f"data: {Path('runs/cluster') / RUN}/drift/drift.html",
    ]
    shown = [line.split()[0] for line in captured.err.splitlines()]
    assert shown == ["ingest", "compare_data"]


def test_conversion_tells_where_its_files_are(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    kubeflow.frames = [frame("SUCCEEDED", stage("convert", "SUCCEEDED", "SUCCEEDED"))]
    kubeflow.pods = {pod_name("convert"): writing_pod(exported="gs://bucket/convert/exported")}
    assert bertline("runs", RUN) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "exported: gs://bucket/convert/exported"
