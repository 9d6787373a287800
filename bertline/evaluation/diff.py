"""Where two files of a model answer differently."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bertline.features.answers import Answer, Item, differing_aspects


@dataclass(frozen=True, slots=True)
class Difference:
    """An item on which two answers differ; index: its place among the items."""

    index: int
    item: Item
    first: Answer
    second: Answer


def differences(
    items: Sequence[Item], first: Sequence[Answer], second: Sequence[Answer]
) -> Iterator[Difference]:
    """Every item to which `first` and `second` give answers that differ in an aspect, in order."""
    for index, (item, one, other) in enumerate(zip(items, first, second, strict=True)):
        if differing_aspects(one, other):
            yield Difference(index, item, one, other)


def describe(answer: Answer, item: Item) -> str:
    """The answer on one line: `intent: PlayMusic (0.990); artist: miles davis`."""
    return "; ".join(answer.lines(item))
