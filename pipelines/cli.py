"""The command `bertline`; what its subcommands do is in pipelines.commands."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence

from bertline import __version__
from bertline.interrupts import interruptible
from bertline.progress import Verbosity, show
from bertline.stages.execute import end_quickly, explain
from pipelines.commands import cluster, files, models, recipes, registry, schedules
from pipelines.commands.parser import Parser, check_encoding

Command = Callable[[argparse.Namespace], None]


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of `bertline ARGUMENTS`: 0, 1 a failure, 2 a wrong input, 128 + N signal N."""
    end_quickly()
    arguments = sys.argv[1:] if argv is None else argv
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a terminal cannot show is no reason to stop.
            stream.reconfigure(errors="backslashreplace")
    try:
        check_encoding(arguments)
        options = _parser().parse_args(arguments)
        show(options.verbosity)
        command: Command = options.command
        with interruptible():
            command(options)
            sys.stdout.flush()
    except SystemExit:
        raise  # argparse has said all
    except BrokenPipeError:
        # The reader has gone (`| head`); nothing more can be told, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except BaseException as error:
        code, message = explain(error)
        print(f"error: {message}", file=sys.stderr)
        return code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="bertline", description="Small text models, fine-tuned, exported, measured and judged."
    )
    parser.add_argument("--version", action="version", version=f"bertline {__version__}")
    parser.set_defaults(verbosity=Verbosity.PROGRESS)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (recipes, models, files, registry, cluster, schedules):
        module.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
