"""What a file answered on the test split, as JSON lines beside the truth."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from bertline.artifacts import write_text
from bertline.errors import DataError
from bertline.evaluation.metrics import Counts
from bertline.examples import Example
from bertline.features.answers import Answer, Item

FOLDER = "predictions"


def write_predictions(
    report: Path,
    name: str,
    examples: Sequence[Example],
    items: Sequence[Item],
    answers: Sequence[Answer],
    counts: Counts,
) -> None:
    """Writes what file `name` answered into a report folder, one line an example.

    A line holds the example with what is right, the answer, and its counts.
    """
    lines = [
        json.dumps(
            {**asdict(example), "answer": answer.as_json(item), "counts": row}, ensure_ascii=False
        )
        for example, item, answer, row in zip(
            examples, items, answers, counts.tolist(), strict=True
        )
    ]
    folder = report / FOLDER
    folder.mkdir(exist_ok=True)
    write_text(folder / f"{name}.jsonl", "".join(f"{line}\n" for line in lines))


def read_counts(report: Path, name: str) -> Counts:
    """Counts [examples, columns] of file `name` in a report folder, for `drop_intervals`.

    Raises DataError if there are no predictions of it.
    """
    path = report / FOLDER / f"{name}.jsonl"
    if not path.is_file():
        raise DataError(f"{path}: no such predictions; name a file of the report")
    with path.open(encoding="utf-8") as stream:
        return np.array([json.loads(line)["counts"] for line in stream], np.float64)
