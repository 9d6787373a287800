"""Kinds of labelled examples and their JSON-lines form in an examples artifact.

A split is a file `<split>.jsonl`, one example a line, in the order of the dataset.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bertline.errors import DataError

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True, slots=True)
class Slot:
    """A labelled stretch of a text: characters [start, end)."""

    label: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TaggedText:
    """An utterance with one intent and labelled, non-overlapping slots in text order."""

    id: str
    text: str
    intent: str
    slots: tuple[Slot, ...]

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "TaggedText":
        """The example from the object of a line; KeyError or TypeError if it is not one."""
        for key in ("id", "text", "intent"):
            if not isinstance(value[key], str):
                raise TypeError(f"{key} is {value[key]!r} and not a string")
        slots = tuple(Slot(**slot) for slot in value["slots"])
        return cls(id=value["id"], text=value["text"], intent=value["intent"], slots=slots)

    def labels(self) -> dict[str, set[str]]:
        """The labels that the example bears: kind of label → names."""
        return {"intents": {self.intent}, "slots": {slot.label for slot in self.slots}}


Example = TaggedText
KINDS: dict[str, type[Example]] = {"tagged_text": TaggedText}


def write_split(path: Path, examples: Iterable[Example]) -> int:
    """Writes one split as JSON lines; returns the number of examples."""
    count = 0
    with path.open("w", encoding="utf-8") as stream:
        for example in examples:
            stream.write(json.dumps(asdict(example), ensure_ascii=False) + "\n")
            count += 1
    return count


def read_split(path: Path, kind: str) -> Iterator[Example]:
    """The examples of one JSON-lines file, in order; raises DataError naming a bad line."""
    if not path.is_file():
        raise DataError(f"{path}: no such split; run ingest again or name another split")
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            yield parse_example(line, kind, f"{path}:{number}")


def parse_example(line: bytes, kind: str, place: str) -> Example:
    """The example of one line of a split; `place` ("dev.jsonl:3") is named in a DataError."""
    try:
        return KINDS[kind].from_json(json.loads(line.decode("utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{place}: not a {kind} example ({error}); expected the lines that ingest writes"
        ) from None
