"""BIO tags and the spans they mean, by the rules of the CoNLL-2000 script (conlleval)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True)
class Truth:
    """The right answer: the intent, and a BIO tag for every word of the text, cut off or not."""

    intent: str
    tags: list[str]


class Tagged(Protocol):
    """The truth or an answer: an intent, and a BIO tag for each word."""

    @property
    def intent(self) -> str:
        """Name of the intent."""
        ...

    @property
    def tags(self) -> Sequence[str]:
        """One of "O", "B-x", "I-x" for each word."""
        ...


class Span(NamedTuple):
    """Words [start, end) that carry one label."""

    label: str
    start: int
    end: int


def spans(tags: Sequence[str]) -> list[Span]:
    """The labelled spans of BIO tags, in order.

    An I- tag that follows O, the beginning, or another label starts a span, as in conlleval.
    """
    found: list[Span] = []
    label, start = "", 0
    for position, tag in enumerate([*tags, "O"]):
        prefix, _, name = tag.partition("-")
        if label and (prefix != "I" or name != label):
            found.append(Span(label, start, position))
            label = ""
        if prefix != "O" and not label:
            label, start = name, position
    return found
