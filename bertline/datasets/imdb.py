"""Large Movie Review Dataset (Maas et al. 2011, aclanthology.org/P11-1015): sentiment of reviews.

Layout, anywhere below the folder given: {train,test}/{neg,pos}/<id>_<rating>.txt, one review per
file. Text files of other names there are reviews too; they follow in the order of their names.
Other folders, such as the unlabelled train/unsup, are not read.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bertline.datasets.dataset import (
    ENCODING_ODDITIES,
    Dataset,
    check_regular,
    decoded,
    unread,
)
from bertline.errors import DataError
from bertline.examples import LabelledText

LABELS = {"neg": "Negative", "pos": "Positive"}
FILE_NAME = re.compile(r"(\d+)_(\d+)\.txt")
LINE_BREAK = re.compile(r"<\s*br\s*/?\s*>", re.IGNORECASE)


def read(folder: Path) -> Dataset:
    """The reviews below `folder`: negative ones first, by id; ids like "train/pos/0_9".

    A class may lie in several folders, as where the dataset came in parts. Each HTML line break
    becomes a space. The report counts these (line_breaks), files that are not UTF-8, their lines
    read as Windows-1252, and what is not read. Raises DataError for a folder that is missing or
    without reviews, a review that is there twice, and one without text.
    """
    counts = Counter(dict.fromkeys((*ENCODING_ODDITIES, "line_breaks"), 0))
    files = {
        split: {label: _files(folder, f"{split}/{name}") for name, label in LABELS.items()}
        for split in ("train", "test")
    }
    read = [
        file for of_split in files.values() for reviews in of_split.values() for file in reviews
    ]
    train, test = (list(_reviews(split, of_split, counts)) for split, of_split in files.items())
    return Dataset(train, test, report={**counts, **unread(folder, read)})


def _reviews(
    split: str, files: dict[str, list[Path]], counts: Counter[str]
) -> Iterator[LabelledText]:
    for label, reviews in files.items():
        for file in reviews:
            text, breaks = LINE_BREAK.subn(" ", decoded(file.read_bytes(), counts))
            counts["line_breaks"] += breaks
            if not text.strip():
                raise DataError(f"{file}: no text; remove the file or give the review again")
            yield LabelledText(f"{split}/{file.parent.name}/{file.stem}", text, label)


def _files(folder: Path, name: str) -> list[Path]:
    """The reviews in the folders below `folder` that end in `name`, by id."""
    places = sorted(path for path in folder.rglob(name) if path.is_dir())
    if not places:
        raise DataError(f"{folder}: no folder {name} below it; give a folder with aclImdb's layout")
    files: dict[str, Path] = {}
    for place in places:
        for file in place.glob("*.txt"):
            if file.name in files:
                first = files[file.name].parent
                raise DataError(f"{file}: {file.name} is also in {first}; give one of them")
            if not file.name.startswith("."):
                files[file.name] = check_regular(file)
    if not files:
        raise DataError(f"{places[0]}: no review in it; expected files ID_RATING.txt")
    return sorted(files.values(), key=_order)


def _order(file: Path) -> tuple[bool, int, int, str]:
    """Reviews that are named by id and rating by these numbers, then the others by name."""
    match = FILE_NAME.fullmatch(file.name)
    numbers = (int(match[1]), int(match[2])) if match else (0, 0)
    return match is None, *numbers, file.name
