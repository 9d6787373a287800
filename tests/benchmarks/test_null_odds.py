import json
from pathlib import Path

import pytest

from benchmarks.null_odds import null_odds


def line(gold: str, best: str, odds: float | None, answer: str) -> str:
    answers = [{"text": gold, "start": 0}] if gold else []
    question = {"id": "1", "article": "a", "context": gold or "-", "question": "?"}
    n_best = [{"text": ""}, {"text": best}]
    told = {"answer": answer, "null_odds": odds, "n_best": n_best}
    return json.dumps({**question, "answers": answers, "answer": told, "counts": [1]})


def test_the_best_threshold_is_found_beside_the_given_one(tmp_path: Path) -> None:
    lines = [
        line("red", "red", -3.0, "red"),  # right
        line("blue", "blue", 1.0, ""),  # right if it were answered
        line("", "green", 0.0, "green"),  # wrong, right if it were not
        line("", "black", None, ""),  # right: no span was allowed
    ]
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(lines))
    found = null_odds(file)
    assert (found.f1, found.never_answering_f1) == (50, 50)
    # Answering the first alone, or the first three: 3 of 4 right.
    assert found.best_f1 == 75
    # Of the four pairs of an impossible and a possible question, (0, 1) is the wrong way round.
    assert found.auc == pytest.approx(3 / 4)
