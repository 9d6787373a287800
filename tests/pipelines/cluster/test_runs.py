"""`bertline runs` and `cancel`, over HTTP."""

from collections.abc import Callable

import pytest

from tests.pipelines.cluster.conftest import RUN
from tests.pipelines.cluster.kubeflow import Kubeflow

Bertline = Callable[..., int]
Captured = pytest.CaptureFixture[str]


def add_runs(kubeflow: Kubeflow, count: int) -> None:
    """Gives the experiment that runs are listed of, and runs in it."""
    kubeflow.experiments = {"e": {"experiment_id": "e", "display_name": "bertline"}}
    kubeflow.runs = {
        f"r{number}": {
            "run_id": f"r{number}",
            "experiment_id": "e",
            "display_name": "snips-0a1b",
            "state": "SUCCEEDED",
            "created_at": f"2026-01-0{number}T03:00:00Z",
            "finished_at": f"2026-01-0{number}T04:01:05Z",
        }
        for number in range(1, count + 1)
    }


def test_newest_runs_are_listed_first(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    add_runs(kubeflow, 5)
    kubeflow.runs["r5"] |= {"state": "RUNNING", "finished_at": "1970-01-01T00:00:00Z"}
    kubeflow.runs["other"] = {"run_id": "other", "experiment_id": "another"}
    kubeflow.page_limit = 2
    assert bertline("runs", "--count", "4") == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["r5", "RUNNING", "2026-01-05", "03:00", "snips-0a1b"],
        ["r4", "SUCCEEDED", "2026-01-04", "03:00", "1:01:05", "snips-0a1b"],
        ["r3", "SUCCEEDED", "2026-01-03", "03:00", "1:01:05", "snips-0a1b"],
        ["r2", "SUCCEEDED", "2026-01-02", "03:00", "1:01:05", "snips-0a1b"],
    ]


def test_no_runs_are_no_lines(bertline: Bertline, capsys: Captured) -> None:
    assert bertline("runs") == 0
    assert capsys.readouterr().out == ""


def test_run_is_cancelled(bertline: Bertline, kubeflow: Kubeflow, capsys: Captured) -> None:
    kubeflow.frames = [{"state": "RUNNING"}]
    assert bertline("cancel", RUN) == 0
    assert capsys.readouterr().out == f"cancelled: {RUN}\n"
    assert kubeflow.requests[-1] == f"POST /apis/v2beta1/runs/{RUN}:terminate"


def test_run_that_is_being_cancelled_is_left_alone(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    kubeflow.frames = [{"state": "CANCELING"}]
    assert bertline("cancel", RUN) == 0
    assert capsys.readouterr().out == f"cancelled: {RUN}\n"
    assert not any(request.endswith(":terminate") for request in kubeflow.requests)


def test_run_that_has_ended_cannot_be_cancelled(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    kubeflow.frames = [{"state": "FAILED"}]
    assert bertline("cancel", RUN) == 2
    message = f"error: run {RUN}: has ended (FAILED); there is nothing to cancel\n"
    assert capsys.readouterr().err == message


@pytest.mark.parametrize("command", ["runs", "cancel"])
def test_unknown_run(command: str, host: str, bertline: Bertline, capsys: Captured) -> None:
    assert bertline(command, "nope") == 2
    assert capsys.readouterr().err == f"error: run 'nope': not at {host}; see `bertline runs`\n"
