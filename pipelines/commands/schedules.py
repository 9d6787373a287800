"""schedule, schedules: recipes that run on a cluster again and again."""

import argparse
from typing import Any

from pipelines.commands.arguments import add_cluster, add_cluster_set, add_recipe, recipe, target


def add(commands: Any) -> None:
    """Adds the commands to the subparsers."""
    schedule = commands.add_parser("schedule", help="run a recipe on a cluster again and again")
    schedule.set_defaults(command=_schedule)
    add_recipe(schedule)
    add_cluster(schedule)
    _add_name(schedule)
    when = schedule.add_mutually_exclusive_group(required=True)
    when.add_argument("--cron", metavar="LINE", help="five fields as in crontab: '0 3 * * 1'")
    when.add_argument("--every", metavar="INTERVAL", help="such as 30m, 12h, 1d, 2w")

    schedules = commands.add_parser("schedules", help="list, pause, resume, move, delete schedules")
    actions = schedules.add_subparsers(required=True, metavar="ACTION")
    for name, what in (
        ("list", "the schedules, a line each"),
        ("pause", "let one start no more runs"),
        ("resume", "let a paused one start runs again"),
        ("delete", "remove one; its runs stay"),
    ):
        action = actions.add_parser(name, help=what)
        action.set_defaults(command=_change, action=name)
        if name != "list":
            action.add_argument("schedule", metavar="SCHEDULE", help="its name (see list)")
        add_cluster_set(action)
    move = actions.add_parser("move", help="let one run the recipe as it is now, at the same times")
    move.set_defaults(command=_move)
    add_recipe(move)
    add_cluster(move)
    _add_name(move)


def _schedule(options: argparse.Namespace) -> None:
    from pipelines.cluster import schedules
    from pipelines.cluster.connection import connected
    from pipelines.cluster.triggers import cron_trigger, interval_trigger
    from pipelines.cluster.versions import upload

    trigger = cron_trigger(options.cron) if options.cron else interval_trigger(options.every)
    line, place = _line(options)
    name = options.name or line.name
    with connected(place.kubeflow) as connection:
        version = upload(connection, line)
        schedules.add(connection, name, version, trigger)
    print(f"scheduled: {name}, version {version.name}")


def _move(options: argparse.Namespace) -> None:
    from pipelines.cluster import schedules
    from pipelines.cluster.connection import connected
    from pipelines.cluster.versions import upload

    line, place = _line(options)
    name = options.name or line.name
    with connected(place.kubeflow) as connection:
        version = upload(connection, line)
        schedules.move(connection, name, version)
    print(f"moved: {name}, version {version.name}")


def _change(options: argparse.Namespace) -> None:
    place = target(options)

    from pipelines.cluster import schedules
    from pipelines.cluster.connection import connected

    with connected(place.kubeflow) as connection:
        if options.action == "list":
            for line in schedules.lines(connection):
                print(line)
            return
        act = {"pause": schedules.pause, "resume": schedules.resume, "delete": schedules.delete}
        act[options.action](connection, options.schedule)
    print(f"{options.action}d: {options.schedule}")


def _line(options: argparse.Namespace) -> tuple[Any, Any]:
    """The composed pipeline of a schedule, and its target: sources are read again in each run."""
    chosen, place = recipe(options), target(options)

    from pipelines.placement import placed

    return placed(chosen, place.model_copy(update={"caching": False})), place


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", metavar="NAME", help="of the schedule (default: the recipe's)")
