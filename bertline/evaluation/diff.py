"""Where two files of a model answer differently."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from bertline.examples import Slot


class Answer(Protocol):
    """What a model says of a text."""

    @property
    def intent(self) -> str:
        """Name of the intent."""
        ...

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Labelled stretches of the text, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Difference:
    """A text on which two answers differ; index: its place among the texts."""

    index: int
    text: str
    first: Answer
    second: Answer


def differences(
    texts: Sequence[str], first: Sequence[Answer], second: Sequence[Answer]
) -> Iterator[Difference]:
    """Every text to which `first` and `second` give another intent or other slots, in order."""
    for index, (text, one, other) in enumerate(zip(texts, first, second, strict=True)):
        if (one.intent, one.slots) != (other.intent, other.slots):
            yield Difference(index, text, one, other)


def describe(answer: Answer, text: str) -> str:
    """The answer on one line: `PlayMusic: artist = "miles davis", genre = "jazz"`."""
    slots = (f'{slot.label} = "{text[slot.start : slot.end]}"' for slot in answer.slots)
    return f"{answer.intent}: {', '.join(slots) or 'no slots'}"
