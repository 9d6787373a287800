"""What a file answered on the test split, as JSON lines beside the truth."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bertline.artifacts import write_text
from bertline.errors import DataError
from bertline.evaluation.material import Truth
from bertline.evaluation.metrics import Counts, tagged_text_counts
from bertline.examples import TaggedText
from bertline.features.decode import TaggedAnswer

FOLDER = "predictions"


def write_predictions(
    report: Path,
    name: str,
    examples: Sequence[TaggedText],
    truths: Sequence[Truth],
    answers: Sequence[TaggedAnswer],
) -> None:
    """Writes what file `name` answered into a report folder, one line an example.

    A line holds id, text, truth (intent, tags) and answer (intent, probability, slots, tags).
    """
    lines = [
        json.dumps(
            {
                "id": example.id,
                "text": example.text,
                "truth": asdict(truth),
                "answer": asdict(answer),
            },
            ensure_ascii=False,
        )
        for example, truth, answer in zip(examples, truths, answers, strict=True)
    ]
    folder = report / FOLDER
    folder.mkdir(exist_ok=True)
    write_text(folder / f"{name}.jsonl", "".join(f"{line}\n" for line in lines))


def read_counts(report: Path, name: str) -> Counts:
    """Counts [examples, NUM_COUNTS] of file `name` in a report folder, for `drop_intervals`.

    Raises DataError if there are no predictions of it.
    """
    path = report / FOLDER / f"{name}.jsonl"
    if not path.is_file():
        raise DataError(f"{path}: no such predictions; name a file of the report")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    truths, answers = (
        [Truth(row[side]["intent"], row[side]["tags"]) for row in rows]
        for side in ("truth", "answer")
    )
    return tagged_text_counts(truths, answers)
