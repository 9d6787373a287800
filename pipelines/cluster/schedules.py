"""Schedules: recurring runs of one version, one run at a time, missed ones not made up for.

A recurring run keeps the version it was made with, and Kubeflow cannot change it: to move one to
another version is to make a new one with the old one's times.
"""

from collections.abc import Iterator
from typing import Any

import kfp_server_api

from bertline.errors import ConfigError
from pipelines.cluster.connection import Connection
from pipelines.cluster.runs import reference
from pipelines.cluster.triggers import trigger_text
from pipelines.cluster.versions import Version

ENABLE, DISABLE = "ENABLE", "DISABLE"
STATES = {"ENABLED": "on", "DISABLED": "paused"}


def add(connection: Connection, name: str, version: Version, trigger: Any) -> None:
    """Makes a schedule; raises ConfigError if there is one of that name."""
    if any(schedule.display_name == name for schedule in _all(connection)):
        raise ConfigError(
            f"schedule {name}: exists; move it with `bertline schedules move`, or delete it first"
        )
    _create(connection, name, version, trigger, ENABLE)


def lines(connection: Connection) -> Iterator[str]:
    """All schedules of the experiment, a line each: name, whether it is on, times, version."""
    for schedule in _all(connection):
        state = STATES.get(schedule.status, "failing")
        yield (
            f"{schedule.display_name:<24} {state:<7} {trigger_text(schedule.trigger):<24} "
            f"{_version_name(connection, schedule)}"
        )


def pause(connection: Connection, name: str) -> None:
    """Lets a schedule start no more runs; raises ConfigError for an unknown name."""
    _switch(connection, _find(connection, name), DISABLE)


def resume(connection: Connection, name: str) -> None:
    """Lets a paused schedule start runs again, from its next time on; raises ConfigError."""
    _switch(connection, _find(connection, name), ENABLE)


def delete(connection: Connection, name: str) -> None:
    """Removes a schedule; its runs stay. Raises ConfigError for an unknown name."""
    _delete(connection, _find(connection, name))


def move(connection: Connection, name: str, version: Version) -> None:
    """Lets a schedule run another version, at the same times, paused if it was; ConfigError.

    The old one is paused before the new one is made, and removed when that is there.
    """
    old = _find(connection, name)
    mode = DISABLE if old.status == "DISABLED" else ENABLE
    _switch(connection, old, DISABLE)
    try:
        _create(connection, name, version, old.trigger, mode)
    except BaseException:
        _switch(connection, old, mode)
        raise
    _delete(connection, old)


def _create(connection: Connection, name: str, version: Version, trigger: Any, mode: str) -> None:
    schedule = kfp_server_api.V2beta1RecurringRun(
        display_name=name,
        experiment_id=connection.experiment_id(),
        pipeline_version_reference=reference(version),
        runtime_config=kfp_server_api.V2beta1RuntimeConfig(parameters={}),
        service_account=connection.settings.service_account,
        max_concurrency="1",
        no_catchup=True,
        trigger=trigger,
        mode=mode,
    )
    service = connection.recurring_runs
    connection.call(service.recurring_run_service_create_recurring_run, schedule)


def _all(connection: Connection) -> Iterator[Any]:
    return connection.pages(
        connection.recurring_runs.recurring_run_service_list_recurring_runs,
        "recurring_runs",
        experiment_id=connection.experiment_id(),
        sort_by="created_at desc",
    )


def _find(connection: Connection, name: str) -> Any:
    """The schedule of a name, or of an id where several have one name; raises ConfigError."""
    schedules = list(_all(connection))
    found = [each for each in schedules if name in (each.display_name, each.recurring_run_id)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(each.recurring_run_id for each in found)
        raise ConfigError(f"schedule {name}: there are several; give one of the ids {ids}")
    known = ", ".join(each.display_name for each in schedules) or "none"
    raise ConfigError(f"schedule {name}: not there; known: {known}")


def _switch(connection: Connection, schedule: Any, mode: str) -> None:
    service = connection.recurring_runs
    methods = {
        ENABLE: service.recurring_run_service_enable_recurring_run,
        DISABLE: service.recurring_run_service_disable_recurring_run,
    }
    connection.call(methods[mode], schedule.recurring_run_id)


def _delete(connection: Connection, schedule: Any) -> None:
    service = connection.recurring_runs
    connection.call(service.recurring_run_service_delete_recurring_run, schedule.recurring_run_id)


def _version_name(connection: Connection, schedule: Any) -> str:
    """The name of the version that a schedule runs."""
    place = schedule.pipeline_version_reference
    version = connection.call(
        connection.pipelines.pipeline_service_get_pipeline_version,
        place.pipeline_id,
        place.pipeline_version_id,
    )
    name: str = version.display_name
    return name
