"""Plain text: one sentence a line, a blank line between documents, in the .txt files of a folder.

The form in which BERT's pre-training reads text (Devlin et al. 2019, arXiv:1810.04805).
"""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from bertline.datasets.dataset import ENCODING_ODDITIES, Dataset, decoded, files_below, unread
from bertline.errors import DataError
from bertline.examples import Document


def read(folder: Path) -> Dataset:
    """The documents of all .txt files below `folder`, by path; all in train, none in test.

    ids are "<file name>-<number>", numbered over all files. White space at the ends of a sentence
    is left out. The report counts files that are not UTF-8, their lines read as Windows-1252, and
    what is not read. Raises DataError where there is no .txt file.
    """
    files = files_below(folder, "*.txt")
    if not files:
        raise DataError(f"{folder}: no .txt file below it; give files with one sentence a line")
    counts = Counter(dict.fromkeys(ENCODING_ODDITIES, 0))
    named = ((file.stem, sentences) for file in files for sentences in _documents(file, counts))
    documents = [Document(f"{stem}-{row}", each) for row, (stem, each) in enumerate(named)]
    return Dataset(train=documents, test=[], report={**counts, **unread(folder, files)})


def _documents(file: Path, counts: Counter[str]) -> Iterator[tuple[str, ...]]:
    # Not splitlines(), which also divides at characters that sentences may hold.
    lines = [line.strip() for line in decoded(file.read_bytes(), counts).split("\n")]
    return (tuple(sentences) for has_text, sentences in groupby(lines, key=bool) if has_text)
