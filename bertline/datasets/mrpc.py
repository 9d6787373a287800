"""Microsoft Research Paraphrase Corpus (Dolan and Brockett 2005, aclanthology.org/I05-5002).

Layout, anywhere below the folder given: msr_paraphrase_train.txt and msr_paraphrase_test.txt, or
GLUE's train.tsv and dev.tsv (its test.tsv has no labels and is not read); where both are there,
the former. Tab-separated, with a header. Quotation marks are text: many are never closed.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bertline.datasets.dataset import ENCODING_ODDITIES, Dataset, decoded, files_below, unread
from bertline.errors import DataError
from bertline.examples import LabelledText

LAYOUTS = (
    ("msr_paraphrase_train.txt", "msr_paraphrase_test.txt"),
    ("train.tsv", "dev.tsv"),
)
COLUMNS = ("Quality", "#1 ID", "#2 ID", "#1 String", "#2 String")
LABELS = {"0": "not_equivalent", "1": "equivalent"}
NO_ID = "-1"


def read(folder: Path) -> Dataset:
    """The pairs of sentences in the order of the files; ids are "<first id>-<second id>".

    GLUE's dev.tsv is the test split. The report counts rows without ids (left out: they are no
    pairs of the corpus), files that are not UTF-8, their lines read as Windows-1252, and what is
    not read. Raises DataError for missing files and, naming the line, for a missing column, a short
    or long row, another quality than 0 or 1, and an empty sentence.
    """
    counts = Counter(dict.fromkeys((*ENCODING_ODDITIES, "rows_without_ids"), 0))
    files = _find(folder)
    train, test = (list(_pairs(file, counts)) for file in files)
    return Dataset(train, test, report={**counts, **unread(folder, files)})


def _find(folder: Path) -> list[Path]:
    """The training and the test file below `folder`."""
    for names in LAYOUTS:
        found = [files_below(folder, name) for name in names]
        for files in found:
            if len(files) > 1:
                raise DataError(f"{files[1]}: also in {files[0].parent}; give one of them")
        if all(found):
            return [file for files in found for file in files]
    expected = " or ".join(" and ".join(names) for names in LAYOUTS)
    raise DataError(f"{folder}: no {expected} below it; give a folder that holds them")


def _pairs(file: Path, counts: Counter[str]) -> Iterator[LabelledText]:
    # Not splitlines(), which also divides at characters that sentences may hold.
    header, *lines = decoded(file.read_bytes(), counts).split("\n")
    names = header.rstrip("\r").split("\t")
    for name in COLUMNS:
        if name not in names:
            raise DataError(f"{file}:1: no column {name!r}; expected {', '.join(COLUMNS)}")
    for number, line in enumerate(lines, start=2):
        if not line.strip():
            continue
        values = line.rstrip("\r").split("\t")
        if len(values) != len(names):
            raise DataError(
                f"{file}:{number}: {len(values)} columns, expected {len(names)}; correct the row"
            )
        row = dict(zip(names, values, strict=True))
        if NO_ID in (row["#1 ID"], row["#2 ID"]):
            counts["rows_without_ids"] += 1
        else:
            yield _pair(row, f"{file}:{number}")


def _pair(row: dict[str, str], place: str) -> LabelledText:
    quality, first_id, second_id, first, second = (row[name] for name in COLUMNS)
    if quality not in LABELS:
        raise DataError(f"{place}: quality {quality!r}, expected 0 or 1; correct the row")
    if not first.strip() or not second.strip():
        raise DataError(f"{place}: an empty sentence; remove the row or give it two sentences")
    return LabelledText(f"{first_id}-{second_id}", first, LABELS[quality], second)
