"""Kinds of labelled examples and their JSON-lines form in an examples artifact.

A split is a file `<split>.jsonl`, one example a line, in the order of the dataset.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bertline.errors import DataError

TRAIN, DEV, TEST = SPLITS = ("train", "dev", "test")


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
        _check_strings(value, "id", "text", "intent")
        slots = tuple(Slot(**slot) for slot in value["slots"])
        return cls(id=value["id"], text=value["text"], intent=value["intent"], slots=slots)

    @property
    def content(self) -> str:
        """What makes two examples the same."""
        return self.text

    @property
    def group(self) -> str:
        """What must stay on one side when a split is held out."""
        return self.content

    def labels(self) -> dict[str, set[str]]:
        """The labels that the example bears: kind of label → names."""
        return {"intents": {self.intent}, "slots": {slot.label for slot in self.slots}}


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text, or a pair of texts, of one class."""

    id: str
    text: str
    label: str
    second_text: str | None = None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "LabelledText":
        """The example from the object of a line; KeyError or TypeError if it is not one."""
        _check_strings(value, "id", "text", "label")
        if value.get("second_text") is not None:
            _check_strings(value, "second_text")
        return cls(**value)

    @property
    def content(self) -> str:
        """What makes two examples the same."""
        return self.text if self.second_text is None else f"{self.text}\t{self.second_text}"

    @property
    def group(self) -> str:
        """What must stay on one side when a split is held out."""
        return self.content

    def labels(self) -> dict[str, set[str]]:
        """The labels that the example bears: kind of label → names."""
        return {"classes": {self.label}}


@dataclass(frozen=True, slots=True)
class GoldAnswer:
    """A right answer: its text, and the character of the context at which it starts."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a paragraph of an article.

    article: its title, "" where the data has none. answers: none where it is impossible;
    context[start:start + len(text)] is the text of each.
    """

    id: str
    article: str
    context: str
    question: str
    answers: tuple[GoldAnswer, ...] = ()

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Question":
        """The example from the object of a line; KeyError or TypeError if it is not one."""
        _check_strings(value, "id", "article", "context", "question")
        answers = tuple(GoldAnswer(**answer) for answer in value["answers"])
        return cls(**{**value, "answers": answers})

    @property
    def is_impossible(self) -> bool:
        """Whether the context does not answer the question."""
        return not self.answers

    @property
    def content(self) -> str:
        """What makes two examples the same."""
        return f"{self.question}\t{self.context}"

    @property
    def group(self) -> str:
        """What must stay on one side when a split is held out: the article, or the context."""
        return self.article or self.context

    def labels(self) -> dict[str, set[str]]:
        """No labels: the answer is a part of the context."""
        return {}


@dataclass(frozen=True, slots=True)
class Document:
    """Sentences that follow one another; unlabelled."""

    id: str
    sentences: tuple[str, ...]

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Document":
        """The example from the object of a line; KeyError or TypeError if it is not one."""
        _check_strings(value, "id")
        sentences = tuple(value["sentences"])
        if not all(isinstance(sentence, str) for sentence in sentences):
            raise TypeError("sentences are strings")
        return cls(id=value["id"], sentences=sentences)

    @property
    def content(self) -> str:
        """What makes two examples the same."""
        return "\n".join(self.sentences)

    @property
    def group(self) -> str:
        """What must stay on one side when a split is held out."""
        return self.content

    def labels(self) -> dict[str, set[str]]:
        """No labels."""
        return {}


Example = TaggedText | LabelledText | Question | Document
KINDS: dict[str, type[Example]] = {
    "tagged_text": TaggedText,
    "labelled_text": LabelledText,
    "question": Question,
    "document": Document,
}


def _check_strings(value: dict[str, Any], *keys: str) -> None:
    for key in keys:
        if not isinstance(value[key], str):
            raise TypeError(f"{key} is {value[key]!r} and not a string")


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
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{place}: not a {kind} example ({error}); expected the lines that ingest writes"
        ) from None
