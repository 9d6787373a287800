"""What every reader gives.

A reader is a function `read(folder) -> Dataset` of a module of bertline.datasets, named in
`tasks.TASKS`; its files are those of the original distribution.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bertline.errors import DataError
from bertline.examples import Example


@dataclass(frozen=True)
class Dataset:
    """The examples of a dataset's files, each split in the order of the files.

    report: what was normalised or seems odd, JSON values by name.
    """

    train: list[Example]
    test: list[Example]
    report: dict[str, Any] = field(default_factory=dict)


def labels_of(examples: Iterable[Example]) -> dict[str, list[str]]:
    """The labels that `examples` bear: kind of label → sorted names."""
    labels: dict[str, set[str]] = {}
    for example in examples:
        for kind, names in example.labels().items():
            labels.setdefault(kind, set()).update(names)
    return {kind: sorted(names) for kind, names in labels.items()}


def check_labels(examples: Iterable[Example], labels: dict[str, list[str]]) -> None:
    """Raises DataError for the first example with a label that is not among `labels`."""
    for example in examples:
        for kind, names in example.labels().items():
            unknown = sorted(names.difference(labels[kind]))
            if unknown:
                raise DataError(
                    f"{example.id}: {unknown[0]!r} is not among the {kind} of training, in "
                    f"{example.content!r:.80}; correct the label or add training examples of it"
                )


def normalized(text: str) -> str:
    """`text` in lower case without white space at its ends: what makes two texts the same."""
    return text.strip().casefold()
