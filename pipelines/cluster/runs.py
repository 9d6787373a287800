"""Runs: started, listed, cancelled."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

import kfp_server_api

from bertline.errors import ConfigError
from bertline.progress import duration
from pipelines.cluster.connection import Connection, Refused
from pipelines.cluster.versions import Version

FINAL = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")


def start(connection: Connection, version: Version, name: str) -> str:
    """The id of a new run of a version under a name, with the defaults of its parameters."""
    run = kfp_server_api.V2beta1Run(
        display_name=name,
        experiment_id=connection.experiment_id(),
        pipeline_version_reference=reference(version),
        runtime_config=kfp_server_api.V2beta1RuntimeConfig(parameters={}),
        service_account=connection.settings.service_account,
    )
    run_id: str = connection.call(connection.runs.run_service_create_run, run).run_id
    return run_id


def reference(version: Version) -> Any:
    """How requests name a version."""
    return kfp_server_api.V2beta1PipelineVersionReference(
        pipeline_id=version.pipeline_id, pipeline_version_id=version.version_id
    )


def get(connection: Connection, run_id: str) -> Any:
    """A run as kfp_server_api has it; raises ConfigError for an unknown id."""
    try:
        return connection.call(connection.runs.run_service_get_run, run_id)
    except Refused as error:
        if error.status not in (400, 404):
            raise
        host = connection.settings.host
        raise ConfigError(f"run {run_id!r}: not at {host}; see `bertline runs`") from None


def cancel(connection: Connection, run_id: str) -> None:
    """Ends a run; nothing is to be done for one that is being cancelled.

    Raises ConfigError for one that has ended.
    """
    state = get(connection, run_id).state
    if state == "CANCELING":
        return
    if state in FINAL:
        raise ConfigError(f"run {run_id}: has ended ({state}); there is nothing to cancel")
    connection.call(connection.runs.run_service_terminate_run, run_id)


def lines(connection: Connection, count: int) -> Iterator[str]:
    """The newest runs of the experiment, a line each: id, state, start, duration, name."""
    listed = connection.pages(
        connection.runs.run_service_list_runs,
        "runs",
        experiment_id=connection.experiment_id(),
        sort_by="created_at desc",
    )
    for run in islice(listed, count):
        started = f"{run.created_at:%Y-%m-%d %H:%M}" if run.created_at else ""
        taken = _seconds(run.created_at, run.finished_at)
        told = "" if taken is None else duration(taken)
        state = run.state or "PENDING"
        yield f"{run.run_id}  {state:<10} {started:<17}{told:>8}  {run.display_name}"


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    """How long something took; None if it has not ended, which servers tell as year 1 or 1970."""
    if start is None or end is None or end < start:
        return None
    return (end - start).total_seconds()
