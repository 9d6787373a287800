"""What every reader gives.

A reader is a function `read(folder) -> Dataset` of a module of bertline.datasets, named in
`tasks.TASKS`; its files are those of the original distribution.
"""

import codecs
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bertline.errors import DataError
from bertline.examples import Example

ENCODING_ODDITIES = ("latin1_files", "latin1_lines")
"""What `decoded` counts."""


@dataclass(frozen=True)
class Dataset:
    """The examples of a dataset's files, each split in the order of the files.

    report: what was normalised or seems odd, JSON values by name.
    """

    train: Sequence[Example]
    test: Sequence[Example]
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


def decoded(raw: bytes, counts: Counter[str]) -> str:
    """The text of a file in UTF-8; where it is not, the lines that are not are Latin-1.

    Files mix both: one line pasted in another encoding must not spoil its neighbours. A
    byte-order mark is no text. counts: gets one more latin1_files, and the lines as latin1_lines.
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        counts["latin1_files"] += 1
    lines = []
    for line in raw.removeprefix(codecs.BOM_UTF8).split(b"\n"):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            counts["latin1_lines"] += 1
            lines.append(line.decode("latin-1"))
    return "\n".join(lines)
