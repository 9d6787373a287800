"""What answers of every kind have in common."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bertline.features.spec import AnswerSpec
from bertline.features.tokenizer import Tokenizer

Item = str | tuple[str, str]
"""What is asked: a text; a text and a second text; a question and its context."""

Logits = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Meanings:
    """What a model's token ids and logits stand for, and how an answer is chosen among them.

    labels: for each output the names of its classes.
    """

    tokenizer: Tokenizer
    labels: Mapping[str, list[str]]
    answering: AnswerSpec


class Answer(Protocol):
    """What a model says of one item."""

    @property
    def truncated(self) -> bool:
        """Whether the item was too long for the model, so that only its beginning was read."""
        ...

    def aspects(self) -> dict[str, Any]:
        """What two answers must share to be the same, by name."""
        ...

    def lines(self, item: Item) -> list[str]:
        """The answer in words, for the terminal."""
        ...

    def as_json(self, item: Item) -> dict[str, Any]:
        """The answer as JSON values by name."""
        ...


def differing_aspects(one: Answer, other: Answer) -> list[str]:
    """Names of the aspects in which two answers to the same item differ."""
    others = other.aspects()
    return [name for name, value in one.aspects().items() if value != others[name]]


def rows_by_example(ids: Sequence[str]) -> Iterator[list[int]]:
    """Rows that follow one another and have the same id, example by example."""
    rows: list[int] = []
    for row, id in enumerate(ids):
        if rows and ids[rows[0]] != id:
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows
