"""Large Movie Review Dataset (Maas et al. 2011, aclanthology.org/P11-1015): sentiment of reviews.

Layout, anywhere below the folder given: {train,test}/{neg,pos}/<id>_<rating>.txt, one review a
file. Other folders, such as the unlabelled train/unsup, are not read.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bertline.datasets.dataset import ENCODING_ODDITIES, Dataset, decoded
from bertline.errors import DataError
from bertline.examples import LabelledText

LABELS = {"neg": "Negative", "pos": "Positive"}
FILE_NAME = re.compile(r"(\d+)_(\d+)\.txt")
LINE_BREAK = re.compile(r"<\s*br\s*/?\s*>", re.IGNORECASE)


def read(folder: Path) -> Dataset:
    """The reviews below `folder`: negative ones first, by id; ids like "train/pos/0_9".

    Each HTML line break becomes a space. The report counts these (line_breaks) and files that are
    not UTF-8 and their lines read as Latin-1. Raises DataError for a folder that is missing, there
    twice or without reviews, and for a review without text.
    """
    counts = Counter(dict.fromkeys((*ENCODING_ODDITIES, "line_breaks"), 0))
    return Dataset(
        train=list(_reviews(folder, "train", counts)),
        test=list(_reviews(folder, "test", counts)),
        report=dict(counts),
    )


def _reviews(folder: Path, split: str, counts: Counter[str]) -> Iterator[LabelledText]:
    for name, label in LABELS.items():
        for file in _files(_class_folder(folder, f"{split}/{name}")):
            text, breaks = LINE_BREAK.subn(" ", decoded(file.read_bytes(), counts))
            counts["line_breaks"] += breaks
            if not text.strip():
                raise DataError(f"{file}: no text; remove the file or give the review again")
            yield LabelledText(f"{split}/{name}/{file.stem}", text, label)


def _class_folder(folder: Path, name: str) -> Path:
    """The one folder below `folder` that ends in `name`."""
    found = sorted(path for path in folder.rglob(name) if path.is_dir())
    if not found:
        raise DataError(f"{folder}: no folder {name} below it; give a folder with aclImdb's layout")
    if len(found) > 1:
        raise DataError(f"{found[1]}: {name} is also in {found[0]}; give one of them")
    return found[0]


def _files(folder: Path) -> list[Path]:
    """The reviews in `folder`, by id."""
    named = [(FILE_NAME.fullmatch(file.name), file) for file in folder.iterdir()]
    files = sorted((int(match[1]), int(match[2]), file) for match, file in named if match)
    if not files:
        raise DataError(f"{folder}: no review in it; expected files ID_RATING.txt")
    return [file for _, _, file in files]
