"""submit, runs, cancel: recipes as runs on a cluster."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.commands.arguments import (
    add_cluster,
    add_cluster_set,
    add_recipe,
    recipe,
    run_name,
    target,
)

if TYPE_CHECKING:
    from pipelines.cluster.connection import Connection


def add(commands: Any) -> None:
    """Adds the commands to the subparsers."""
    submit = commands.add_parser("submit", help="run a recipe on a cluster, up to the verdict")
    submit.set_defaults(command=_submit)
    add_recipe(submit)
    add_cluster(submit)
    _add_following(submit, "start the run and leave it alone")

    runs = commands.add_parser("runs", help="list the runs on a cluster, or follow one")
    runs.set_defaults(command=_runs)
    runs.add_argument("run", nargs="?", metavar="RUN", help="the id of one: its stages and results")
    add_cluster_set(runs)
    _add_following(runs, "show how the run is now, and no more")
    runs.add_argument(
        "--count", type=int, default=20, metavar="N", help="how many to list (default: 20)"
    )

    cancel = commands.add_parser("cancel", help="end a run on a cluster")
    cancel.set_defaults(command=_cancel)
    cancel.add_argument("run", metavar="RUN", help="its id")
    add_cluster_set(cancel)


def _submit(options: argparse.Namespace) -> None:
    chosen, place = recipe(options), target(options)

    from pipelines.cluster.connection import connected
    from pipelines.cluster.runs import start
    from pipelines.cluster.versions import upload
    from pipelines.placement import placed

    line = placed(chosen, place)
    with connected(place.kubeflow) as connection:
        version = upload(connection, line)
        run_id = start(connection, version, run_name(options))
        print(f"run: {run_id}", f"version: {version.name}", sep="\n", flush=True)
        if not options.no_wait:
            _print(_results(connection, run_id, options))


def _runs(options: argparse.Namespace) -> None:
    place = target(options)

    from pipelines.cluster.connection import connected
    from pipelines.cluster.runs import lines

    with connected(place.kubeflow) as connection:
        if options.run:
            _print(_results(connection, options.run, options))
        else:
            _print(lines(connection, options.count))


def _cancel(options: argparse.Namespace) -> None:
    place = target(options)

    from pipelines.cluster.connection import connected
    from pipelines.cluster.runs import cancel

    with connected(place.kubeflow) as connection:
        cancel(connection, options.run)
    print(f"cancelled: {options.run}")


def _results(connection: "Connection", run_id: str, options: argparse.Namespace) -> Iterator[str]:
    """The results of a run, followed unless --no-wait.

    Raises StageError if the run failed, ClusterError if its results cannot be read.
    """
    from pipelines.cluster import report
    from pipelines.cluster.pods import Pods
    from pipelines.cluster.watch import Watch
    from pipelines.console import Board

    pods = Pods(connection)
    watch = Watch(connection, pods, Board(sys.stderr))
    run = watch.look(run_id) if options.no_wait else watch.until_end(run_id)
    if run.state == "SUCCEEDED":
        root = options.root / "cluster"
        yield from report.lines(connection, pods, watch.workflow, run_id, root)
    elif run.state in ("FAILED", "CANCELED"):
        raise watch.failure(run)
    else:
        yield f"state: {run.state}"


def _print(lines: Iterator[str]) -> None:
    for line in lines:
        print(line)


def _add_following(parser: argparse.ArgumentParser, no_wait: str) -> None:
    parser.add_argument("--no-wait", action="store_true", help=no_wait)
    parser.add_argument(
        "--root",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="where reports go: DIR/cluster/RUN (default: ./runs)",
    )
