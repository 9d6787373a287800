"""What a flag of a foreign script is and becomes: the rows of the tables."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Values = Mapping[str, Any]
"""Flag → its value, typed by its kind."""

VARIABLE = re.compile(r"\$\{?\w+\}?|\$\([^()]*\)|`[^`]*`")
"""What a shell replaces in a text."""


@dataclass(frozen=True)
class Kind:
    """How a flag's text is read. parse: raises ValueError for what is not `expected`.

    choices: all the texts there are, if they can be listed.
    """

    expected: str
    parse: Callable[[str], Any]
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Flag:
    """One row: a flag and what it becomes.

    setting: where the value goes, "stage.key" of a recipe, a stage that it adds, or an option of
    `bertline convert`; empty if it has no meaning here. combined: the value depends on other flags
    too, the script's `combine` makes it. default: what the script takes where the flag is left out.
    planned: the stage to come that will have a setting for it. note: why it has no meaning, or what
    becomes of the value.
    """

    name: str
    kind: Kind
    setting: str = ""
    default: Any = None
    combined: bool = False
    planned: str = ""
    note: str = ""

    @property
    def default_text(self) -> str:
        """The default as on a command line, empty if there is none."""
        if self.default is None:
            return ""
        return str(self.default).lower() if self.kind is BOOLEAN else str(self.default)


@dataclass(frozen=True)
class Combined:
    """What several flags are together: settings, and lines to tell the user."""

    settings: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __or__(self, other: "Combined") -> "Combined":
        return Combined(self.settings | other.settings, self.notes + other.notes)


@dataclass(frozen=True)
class Script:
    """A script, its table, and how its settings are written.

    names: what it is called on a command line, without ".py"; the first is its own. flags: the
    table. combine: the settings of what is `combined`; raises ConfigError. write: the text of all
    settings, a recipe or a command line. short: letters that stand for a flag.
    """

    names: tuple[str, ...]
    flags: tuple[Flag, ...]
    combine: Callable[[Values], Combined]
    write: Callable[[Mapping[str, Any]], str]
    short: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is called in messages, recipes and docs."""
        return self.names[0]

    @property
    def table(self) -> dict[str, Flag]:
        """The flags by name."""
        return {flag.name: flag for flag in self.flags}


def one_of(*choices: str) -> Kind:
    """The kind of a text that is one of `choices` in any case; the value is as written there."""
    spelled = {choice.lower(): choice for choice in choices}

    def parse(text: str) -> str:
        if text.lower() not in spelled:
            raise ValueError
        return spelled[text.lower()]

    return Kind(f"one of {', '.join(choices)}", parse, choices)


def _boolean(text: str) -> bool:
    truths = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
    if text.lower() not in truths:
        raise ValueError
    return truths[text.lower()]


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def _epochs(text: str) -> int:
    value = _number(text)
    if not value.is_integer():
        raise ValueError
    return int(value)


def _path(text: str) -> str:
    """A path as a recipe needs it: absolute, since its own are meant from the project's folder."""
    if not text:
        raise ValueError
    if "://" in text or VARIABLE.match(text):
        return text
    try:
        return str(Path(text).expanduser().absolute())
    except RuntimeError as error:  # ~ of an unknown user
        raise ValueError from error


BOOLEAN = Kind("true or false", _boolean, ("true", "false"))
WHOLE = Kind("a whole number", int)
NUMBER = Kind("a number", _number)
EPOCHS = Kind("a whole number of epochs", _epochs)
TEXT = Kind("a text", str)
PATH = Kind("a path", _path)
