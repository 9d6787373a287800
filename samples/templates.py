"""Templates filled with words: what all sample data is made of.

In a template, `(a|b|)` is a choice, and `<slot>` is filled with a value of the list of that name,
`<slot:list>` with one of another list. In a value, `<list>` is a value of another list.
"""

import functools
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

HERE = Path(__file__).parent
ALTERNATIVES = re.compile(r"\(([^()]*)\)")
PLACE = re.compile(r"<(\w+)(?::(\w+))?>")

T = TypeVar("T")


@functools.cache
def load(folder: str) -> dict[str, dict[str, Any]]:
    """The contents of the YAML files of samples/<folder>, by file name without suffix."""
    files = sorted((HERE / folder).glob("*.yaml"))
    return {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}


def lists_of(files: Iterable[Mapping[str, Mapping[str, Any]]], split: str) -> dict[str, list[str]]:
    """List → the values that a split may use: those under `both` and under its own name."""
    return {
        name: [str(value) for value in lists.get("both", []) + lists.get(split, [])]
        for file in files
        for name, lists in file.items()
    }


class Templates:
    """Fills templates from lists; every random choice comes from one seeded generator."""

    def __init__(self, lists: Mapping[str, Sequence[str]], seed: str) -> None:
        self.lists = lists
        self._random = random.Random(seed)

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[int(self._random.random() * len(items))]

    def sample(self, items: Sequence[T], size: int) -> list[T]:
        """`size` of the items, in random order; all if there are fewer."""
        return sorted(items, key=lambda _: self._random.random())[:size]

    def happens(self, rate: float) -> bool:
        """True at the rate given, in 0 … 1."""
        return self._random.random() < rate

    def choose(self, template: str) -> str:
        """The template with one of each choice."""
        chosen = ALTERNATIVES.sub(lambda match: self.pick(match[1].split("|")), template)
        return re.sub(r" +", " ", chosen).strip().replace(" ,", ",").replace(" .", ".")

    def value(self, name: str) -> str:
        """One value of a list, with the lists inside it replaced by values of theirs."""
        text = PLACE.sub(lambda place: self.value(place[1]), self.pick(self.lists[name]))
        return text.replace("s's", "s'")

    def fill(self, template: str, values: dict[str, str]) -> tuple[str, dict[str, int]]:
        """The template's text, and slot → the character at which its value first starts.

        values: slot → value; a slot that it lacks gets a value of its list, which is added.
        """
        text, starts, position = "", dict[str, int](), 0
        template = self.choose(template)
        for place in PLACE.finditer(template):
            text += template[position : place.start()]
            if place[1] not in values:
                values[place[1]] = self.value(place[2] or place[1])
            starts.setdefault(place[1], len(text))
            text += values[place[1]]
            position = place.end()
        return text + template[position:], starts
