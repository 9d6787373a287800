"""run, compile, recipes, checkpoints, import-flags, doctor: recipes, and runs of them here."""

import argparse
import sys
from pathlib import Path
from typing import Any

from bertline.errors import ConfigError, StageError
from pipelines.commands.arguments import add_recipe, add_target, recipe, target


def add(commands: Any) -> None:
    """Adds the commands to the subparsers."""
    run = commands.add_parser("run", help="run a recipe on this machine, up to the verdict")
    run.set_defaults(command=_run)
    add_recipe(run)
    _add_root(run)
    run.add_argument(
        "--runner",
        choices=("subprocess", "docker"),
        default="subprocess",
        help="docker: each stage in a container, of Docker or podman (default: %(default)s)",
    )

    run.add_argument(
        "--require-blessed",
        action="store_true",
        help="exit with 1 for a model that does not pass its gate (default: that is a result)",
    )

    compiled = commands.add_parser("compile", help="write a recipe's pipeline as KFP IR")
    compiled.set_defaults(command=_compile)
    add_recipe(compiled)
    add_target(compiled, required=False)
    compiled.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the YAML file to write"
    )

    recipes = commands.add_parser("recipes", help="list the recipes")
    recipes.set_defaults(command=_recipes)

    checkpoints = commands.add_parser(
        "checkpoints", help="list the published checkpoints: values of import_checkpoint.checkpoint"
    )
    checkpoints.set_defaults(command=_checkpoints)

    imported = commands.add_parser(
        "import-flags", help="another project's command line as a recipe; see docs/flags.md"
    )
    imported.set_defaults(command=_import_flags)
    imported.add_argument(
        "line", metavar="COMMAND", help="in quotes: 'python3 run_squad.py --do_train …'"
    )
    imported.add_argument("-o", "--output", type=Path, metavar="FILE", help="the file to write")

    doctor = commands.add_parser("doctor", help="check that what is installed works here")
    doctor.set_defaults(command=_doctor)
    _add_root(doctor)


def _run(options: argparse.Namespace) -> None:
    from pipelines.run import Result, Retraining, run

    chosen = recipe(options)
    if options.require_blessed and chosen.pipeline == "convert":
        raise ConfigError(
            f"recipe {chosen.name}: its pipeline judges no model; leave --require-blessed out"
        )
    found = run(chosen, options.root, sys.stderr, options.runner == "docker")
    for line in found.lines():
        print(line)
    judged = found.result if isinstance(found, Retraining) else found
    if options.require_blessed and isinstance(judged, Result) and not judged.is_blessed:
        raise StageError("the model is not blessed, and --require-blessed was given")


def _compile(options: argparse.Namespace) -> None:
    chosen = recipe(options)
    settings = chosen.settings()
    place = target(options) if options.target else None

    from pipelines.compose import compose, write_ir
    from pipelines.placement import placed

    if place:
        line = placed(chosen, place)
    else:
        line = compose(chosen.pipeline, chosen.name, chosen.description, settings)
    write_ir(line, options.output)
    print(options.output)


def _recipes(options: argparse.Namespace) -> None:
    from pipelines.recipe import load_recipe, recipe_names

    for name in recipe_names():
        print(f"{name:<18}{load_recipe(name).description}")


def _checkpoints(options: argparse.Namespace) -> None:
    from bertline.modeling.checkpoints.known import table_lines

    print(*table_lines(), sep="\n")


def _import_flags(options: argparse.Namespace) -> None:
    from bertline.artifacts import write_text
    from pipelines.flags import recipe_of

    text = recipe_of(options.line).text
    if options.output:
        write_text(options.output, text)
    else:
        print(text, end="")


def _doctor(options: argparse.Namespace) -> None:
    from pipelines.doctor import doctor

    doctor(options.root)


def _add_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--root",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="folder of artifacts, cache, checkpoints, registry and logs (default: ./runs)",
    )
