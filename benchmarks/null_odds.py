"""How well a model's null odds tell questions without an answer from those with one.

    python -m benchmarks.null_odds REPORT

For every file of a report on SQuAD 2.0: the F1 with the threshold that it is deployed with, tuned
on questions held out of training; the best F1, whose threshold is chosen on the reported questions
themselves and which no deployed file can have for certain (the official script's may be higher, as
it stops among questions of equal odds); and how often an impossible question has higher odds than a
possible one.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bertline.evaluation.predictions import FOLDER
from bertline.evaluation.squad import best_threshold, scores
from bertline.examples import Question


@dataclass(frozen=True)
class NullOdds:
    """f1, best_f1, never_answering_f1: in percent. auc: area under the ROC curve, 0 to 1."""

    f1: float
    best_f1: float
    never_answering_f1: float
    auc: float


def main() -> None:
    """Prints a line a file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("report", type=Path)
    for file in sorted((parser.parse_args().report / FOLDER).glob("*.jsonl")):
        found = null_odds(file)
        print(
            f"{file.stem:<22}F1 {found.f1:.2f}, best F1 {found.best_f1:.2f}, never answering "
            f"{found.never_answering_f1:.2f}, AUC {found.auc:.3f}"
        )


def null_odds(predictions: Path) -> NullOdds:
    """What the null odds in a file of predictions are worth."""
    rows = list(_rows(predictions))
    odds = np.array([row[1] for row in rows])
    answered = [scores(question, best)[1] for question, _, best, _ in rows]
    empty = [scores(question, "")[1] for question, *_ in rows]
    impossible = np.array([question.is_impossible for question, *_ in rows])
    pairs = odds[impossible][:, None], odds[~impossible][None]
    auc = float(((pairs[0] > pairs[1]) + (pairs[0] == pairs[1]) / 2).mean())
    given = np.mean([scores(question, text)[1] for question, *_, text in rows])
    best_f1 = best_threshold(odds.tolist(), answered, empty)[1]
    return NullOdds(100 * float(given), 100 * best_f1, 100 * float(np.mean(empty)), auc)


def _rows(predictions: Path) -> Iterator[tuple[Question, float, str, str]]:
    """Each question with its null odds, its best answer that is a text, and its answer."""
    with predictions.open(encoding="utf-8") as stream:
        for line in stream:
            value = json.loads(line)
            answer = value.pop("answer")
            value.pop("counts")
            odds = answer["null_odds"]
            best = next((each["text"] for each in answer["n_best"] if each["text"]), "")
            question = Question.from_json(value)
            # Infinite odds, where no span was allowed, are above any threshold.
            yield question, np.inf if odds is None else odds, best, answer["answer"] or ""


if __name__ == "__main__":
    main()
