"""rollback: which version of a model is in use."""

import argparse
from typing import Any


def add(commands: Any) -> None:
    """Adds the commands to the subparsers."""
    rollback = commands.add_parser("rollback", help="an earlier version of a model as the latest")
    rollback.set_defaults(command=_rollback)
    rollback.add_argument("model", metavar="MODEL", help="its name in the registry")
    rollback.add_argument(
        "--registry",
        default="runs/registry",
        metavar="DIR",
        help="where versions are published, a folder or gs://… (default: ./runs/registry)",
    )
    rollback.add_argument(
        "--to", type=int, metavar="N", help="the version (default: the one before the latest)"
    )


def _rollback(options: argparse.Namespace) -> None:
    from bertline.publishing.registry import model_address, roll_back

    version = roll_back(model_address(options.registry, options.model), options.to)
    print(f"{options.model}: version {version} is the latest; higher ones are withdrawn")
