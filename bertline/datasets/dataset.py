"""What every reader gives.

A reader is a function `read(folder) -> Dataset` of a module of bertline.datasets, named in
`tasks.TASKS`; its files are those of the original distribution.
"""

import codecs
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bertline.errors import DataError
from bertline.examples import Example
from bertline.files import FILE, kind_of
from bertline.storage import DOCUMENTS

ENCODING_ODDITIES = ("cp1252_files", "cp1252_lines")
"""What `decoded` counts."""
NAMED = 20
"""How many names a report lists of what it counts."""
# Bytes 0x80 to 0x9f as Windows has them; the five that it leaves undefined stay controls.
_WINDOWS = {
    code: character
    for code in range(0x80, 0xA0)
    if (character := bytes([code]).decode("cp1252", errors="ignore"))
}


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


def unknown_labels(example: Example, labels: dict[str, list[str]]) -> list[tuple[str, str]]:
    """The labels of an example that are not among `labels`, as (kind of label, name), sorted."""
    return [
        (kind, name)
        for kind, names in example.labels().items()
        for name in sorted(names.difference(labels[kind]))
    ]


def files_below(folder: Path, pattern: str) -> list[Path]:
    """The files below `folder` whose names match `pattern`, sorted by path.

    Hidden ones are left out: systems put such files beside those of the user. Raises DataError for
    a name that is no regular file (a pipe, a device, a broken link).
    """
    found = [path for path in folder.rglob(pattern) if not path.name.startswith(".")]
    return [check_regular(path) for path in sorted(found) if not path.is_dir()]


def check_regular(path: Path) -> Path:
    """`path`; raises DataError if it is no regular file, as reading might never end."""
    kind = kind_of(path)
    if kind != FILE:
        raise DataError(f"{path}: is {kind or 'a broken link'}; give a regular file")
    return path


def unread(folder: Path, files: Collection[Path]) -> dict[str, Any]:
    """What lies below `folder` beside the `files` that are read, as two values of a report.

    unread: how many files, and folders that hold none of `files`; unread_names: the first NAMED.
    Files that explain the data (storage.DOCUMENTS) and hidden ones do not count.
    """
    read = set(files)
    parents = {parent for file in read for parent in file.parents}

    def names(place: Path) -> Iterator[str]:
        for entry in sorted(place.iterdir()):
            if entry in parents:
                yield from names(entry)
            elif entry not in read and not entry.name.startswith(DOCUMENTS):
                yield f"{entry.relative_to(folder)}{'/' if entry.is_dir() else ''}"

    found = list(names(folder))
    return {"unread": len(found), "unread_names": found[:NAMED]}


def normalized(text: str) -> str:
    """`text` in lower case without white space at its ends: what makes two texts the same."""
    return text.strip().casefold()


def decoded(raw: bytes, counts: Counter[str]) -> str:
    """The text of a file in UTF-8; where it is not, the lines that are not are Windows-1252.

    Files mix both: one line pasted in another encoding must not spoil its neighbours. Windows-1252
    is Latin-1 with dashes and quotation marks where Latin-1 has controls, which tokenizers delete.
    A byte-order mark is no text. counts: gets one more cp1252_files, and the lines as cp1252_lines.
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        counts["cp1252_files"] += 1
    lines = []
    for line in raw.removeprefix(codecs.BOM_UTF8).split(b"\n"):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            counts["cp1252_lines"] += 1
            lines.append(line.decode("latin-1").translate(_WINDOWS))
    return "\n".join(lines)
