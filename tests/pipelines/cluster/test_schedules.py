"""`bertline schedule` and `schedules`, over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.pipelines.cluster.kubeflow import Kubeflow

Bertline = Callable[..., int]
Captured = pytest.CaptureFixture[str]
NIGHTLY = ["schedule", "convert", "--cron", "30 3 * * 1-5"]


def test_schedule_runs_one_version_one_run_at_a_time(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    assert bertline(*NIGHTLY) == 0
    (schedule,) = kubeflow.schedules.values()
    (version,) = kubeflow.versions.values()
    (experiment,) = kubeflow.experiments.values()
    expected = {
        "display_name": "convert",
        "experiment_id": experiment["experiment_id"],
        "pipeline_version_reference": {
            "pipeline_id": version["pipeline_id"],
            "pipeline_version_id": version["pipeline_version_id"],
        },
        "trigger": {"cron_schedule": {"cron": "0 30 3 * * 1-5"}},
        "max_concurrency": "1",
        "no_catchup": True,
        "mode": "ENABLE",
    }
    assert {key: schedule[key] for key in expected} == expected
    assert capsys.readouterr().out == f"scheduled: convert, version {version['name']}\n"


def test_interval_and_name(bertline: Bertline, kubeflow: Kubeflow) -> None:
    assert bertline("schedule", "convert", "--every", "12h", "--name", "twice a day") == 0
    (schedule,) = kubeflow.schedules.values()
    assert schedule["trigger"] == {"periodic_schedule": {"interval_second": "43200"}}
    assert schedule["display_name"] == "twice a day"


def test_scheduled_stages_are_never_cached(bertline: Bertline, kubeflow: Kubeflow) -> None:
    assert bertline(*NIGHTLY, "--set", "target.caching=true") == 0
    (version,) = kubeflow.versions.values()
    tasks = version["pipeline_spec"]["pipeline_spec"]["root"]["dag"]["tasks"]
    assert all(task["cachingOptions"] == {} for task in tasks.values())


def test_second_schedule_of_a_name_is_refused(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    assert bertline(*NIGHTLY) == 0
    assert bertline(*NIGHTLY) == 2
    assert capsys.readouterr().err == (
        "error: schedule convert: exists; move it with `bertline schedules move`, or delete it "
        "first\n"
    )
    assert len(kubeflow.schedules) == 1


def test_schedules_are_listed_paused_resumed_and_deleted(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    assert bertline(*NIGHTLY) == 0
    (version,) = kubeflow.versions.values()

    def listed() -> list[str]:
        capsys.readouterr()
        assert bertline("schedules", "list") == 0
        return capsys.readouterr().out.split()

    shown = ["--cron", "'30", "3", "*", "*", "1-5'", version["name"]]
    assert listed() == ["convert", "on", *shown]
    assert bertline("schedules", "pause", "convert") == 0
    assert capsys.readouterr().out == "paused: convert\n"
    assert listed() == ["convert", "paused", *shown]
    assert bertline("schedules", "resume", "convert") == 0
    assert listed() == ["convert", "on", *shown]
    assert bertline("schedules", "delete", "convert") == 0
    assert listed() == []


@pytest.mark.parametrize("paused", [False, True])
def test_moved_schedule_keeps_its_times(
    paused: bool, bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    assert bertline(*NIGHTLY) == 0
    if paused:
        assert bertline("schedules", "pause", "convert") == 0
    (old,) = kubeflow.schedules.values()
    assert bertline("schedules", "move", "convert", "--set", "convert.formats=[litert]") == 0
    (new,) = kubeflow.schedules.values()
    assert new["recurring_run_id"] != old["recurring_run_id"]
    assert new["trigger"] == old["trigger"]
    assert new["status"] == ("DISABLED" if paused else "ENABLED")
    _, version = kubeflow.versions.values()
    reference = new["pipeline_version_reference"]
    assert reference["pipeline_version_id"] == version["pipeline_version_id"]
    assert capsys.readouterr().out.endswith(f"moved: convert, version {version['name']}\n")


def test_schedule_goes_on_if_it_cannot_be_moved(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    assert bertline(*NIGHTLY) == 0
    before = {id: dict(schedule) for id, schedule in kubeflow.schedules.items()}
    kubeflow.refusals = {"POST .*/recurringruns": [(500, "the database is full.")]}
    assert bertline("schedules", "move", "convert") == 1
    assert "the database is full (HTTP 500); try again later" in capsys.readouterr().err
    assert kubeflow.schedules == before


def test_unknown_and_ambiguous_names(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    assert bertline("schedules", "pause", "nightly") == 2
    assert capsys.readouterr().err == "error: schedule nightly: not there; known: none\n"
    (experiment,) = kubeflow.experiments
    twins: dict[str, Any] = {
        id: {"recurring_run_id": id, "display_name": "twin", "experiment_id": experiment}
        for id in ("1", "2")
    }
    kubeflow.schedules = twins
    assert bertline("schedules", "pause", "twin") == 2
    message = "error: schedule twin: there are several; give one of the ids 2, 1\n"
    assert capsys.readouterr().err == message
    assert bertline("schedules", "pause", "2") == 0
    assert twins["2"]["status"] == "DISABLED"


@pytest.mark.parametrize("times", [["--cron", "0 3 * *"], ["--every", "1"]])
def test_wrong_times_stop_before_anything_is_asked(
    times: list[str], bertline: Bertline, kubeflow: Kubeflow
) -> None:
    assert bertline("schedule", "convert", *times) == 2
    assert not kubeflow.requests
