"""Options that several commands have, and what they mean."""

import argparse
import shlex
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertline.errors import ConfigError

if TYPE_CHECKING:
    from pipelines.recipe import Recipe
    from pipelines.target import Target

TARGET = "target."
MAX_NAME_LENGTH = 120


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Adds RECIPE, --data, --set, and what is to tokenize."""
    parser.add_argument("recipe", metavar="RECIPE", help="a name (see recipes) or a YAML file")
    parser.add_argument("--data", metavar="DIR", help="the dataset: --set ingest.source=DIR")
    add_set(parser, "STAGE.KEY=VALUE")
    parser.add_argument(
        "--beam-runner",
        metavar="NAME",
        help="what tokenizes: fnapi (this process, the default), flink or dataflow",
    )
    parser.add_argument(
        "--beam-options",
        type=shlex.split,
        metavar="OPTIONS",
        help="Beam's own, in quotes: --beam-options='--flink_master=HOST:8081 --parallelism=4'",
    )
    parser.add_argument(
        "--num-shards", type=int, metavar="N", help="tokenize in N tasks (pods), each a shard"
    )


def add_set(parser: argparse.ArgumentParser, metavar: str) -> None:
    """Adds --set."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar=metavar,
        help="another value for a setting (target.KEY=VALUE: of the target); can be repeated",
    )


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Adds --target and --host."""
    add_target(parser)
    parser.add_argument(
        "--host", metavar="URL", help="of ml-pipeline-ui: --set target.kubeflow.host=URL"
    )


def add_cluster_set(parser: argparse.ArgumentParser) -> None:
    """Adds --target, --host and --set, for commands without a recipe."""
    add_cluster(parser)
    add_set(parser, "target.KEY=VALUE")


def add_target(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Adds --target."""
    parser.add_argument(
        "--target",
        required=required,
        metavar="TARGET",
        help="a name (kind, minikube, gke-gpu, gke-tpu) or a YAML file",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Adds --device."""
    parser.add_argument(
        "--device", default="CPU", metavar="NAME", help="passed to the runtime (default: CPU)"
    )


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Adds --trust."""
    parser.add_argument(
        "--trust",
        action="store_true",
        help="load a SavedModel or .pb that holds operations which may reach files",
    )


def recipe(options: argparse.Namespace) -> "Recipe":
    """The recipe that is asked for, with the options of add_recipe; raises ConfigError."""
    from pipelines.recipe import load_recipe

    named = {
        "ingest.source": options.data or None,
        "tokenize.beam_runner": options.beam_runner,
        "tokenize.beam_options": options.beam_options,
        "tokenize.num_shards": options.num_shards,
    }
    changes = {path: value for path, value in named.items() if value is not None}
    for path, value in _assignments(options).items():
        if not path.startswith(TARGET):
            changes[path] = value
        elif not getattr(options, "target", None):
            raise ConfigError(f"{path}={value}: there is no target; give one with --target")
    return load_recipe(options.recipe).changed(changes)


def run_name(options: argparse.Namespace) -> str:
    """What a run is called in Kubeflow: the recipe with the data and settings asked for."""
    data = (options.data or "").partition("?")[0]  # without the signature of a signed address
    changes = [text for text in options.set if not text.startswith(TARGET)]
    words = [Path(options.recipe).stem, *filter(None, [data]), *changes]
    return textwrap.shorten(" ".join(words), MAX_NAME_LENGTH, placeholder=" …")


def target(options: argparse.Namespace) -> "Target":
    """The target that is asked for, with --host and --set target.…; raises ConfigError."""
    from pipelines.target import load_target

    host = {"kubeflow.host": options.host} if getattr(options, "host", None) else {}
    changes = {
        path.removeprefix(TARGET): value
        for path, value in _assignments(options).items()
        if path.startswith(TARGET)
    }
    return load_target(options.target, host | changes)


def _assignments(options: argparse.Namespace) -> dict[str, Any]:
    from pipelines.recipe import parse_assignment

    return dict(parse_assignment(text) for text in options.set)
