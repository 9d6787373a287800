"""Reading a command line: every mistake is one line and exit code 2."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from bertline.errors import ConfigError
from bertline.progress import Verbosity

VERBOSITIES = (
    ("-q", "--quiet", Verbosity.QUIET, "show no progress, only results and errors"),
    ("-v", "--verbose", Verbosity.ALL, "show all that the stages of a run print, as in its log"),
)
SHOWN = 200
"""Characters of a message of argparse, which repeats the whole value."""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that refuses empty values, keeps its errors short, and has -q and -v.

    These stand before or after the command: all its subparsers are of this class too.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Types that add_argument names, None being that of options without one.
        self.register("type", None, _text)
        self.register("type", Path, _path)
        shown = self.add_mutually_exclusive_group()
        for letter, name, verbosity, what in VERBOSITIES:
            shown.add_argument(
                *(letter, name),
                dest="verbosity",
                action="store_const",
                const=verbosity,
                default=argparse.SUPPRESS,
                help=what,
            )

    def add_subparsers(self, **options: Any) -> Any:
        """As in ArgumentParser, whose action would refuse empty values of all subparsers."""
        action = super().add_subparsers(**options)
        action.type = str
        return action

    def error(self, message: str) -> NoReturn:
        """Prints one line and exits."""
        short = message if len(message) <= SHOWN else f"{message[:SHOWN]}…"
        self.exit(ConfigError.exit_code, f"error: {short}; see {self.prog} --help\n")


def check_encoding(arguments: Sequence[str]) -> None:
    """Raises ConfigError for an argument with bytes that the terminal's encoding does not have.

    Python keeps them as lone surrogates, which neither files nor answers can hold.
    """
    for number, argument in enumerate(arguments, start=1):
        try:
            argument.encode("utf-8")
        except UnicodeEncodeError:
            raise ConfigError(
                f"argument {number} ({argument!r:.60}): not valid {sys.getfilesystemencoding()}; "
                "correct it, or set a UTF-8 locale"
            ) from None


def _text(value: str) -> str:
    if not value:
        raise argparse.ArgumentTypeError("is empty; give a value")
    return value


def _path(value: str) -> Path:
    return Path(_text(value))
