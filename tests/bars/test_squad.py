"""What the line must reach on the real SQuAD data: 32 and 39 minutes on 2 cores.

The runs are kept in runs/seeds and taken up again, so that a second call is quick.
"""

from pathlib import Path

import pytest

from benchmarks.null_odds import null_odds
from benchmarks.seeds import pool, run_seeds
from bertline.evaluation.predictions import FOLDER
from tests.conftest import ROOT

pytestmark = [pytest.mark.real, pytest.mark.slow]

NEVER_AN_ANSWER = 54.0
"""F1 of "no answer" to every question of SQuAD 2.0's test split."""


@pytest.mark.parametrize(("recipe", "least_f1"), [("squad-v1", 60.0), ("squad-v2", 55.0)])
def test_questions_are_answered(shared: Path, recipe: str, least_f1: float) -> None:
    data, root = str(shared / "data" / "squad"), ROOT / "runs" / "seeds"
    (report,) = run_seeds(recipe, data, root, (1,))
    reference, *files = pool([report])

    assert reference.metrics["answer_f1"] >= least_f1
    for file in files:
        assert file.drops["answer_f1"].estimate <= 1, file.name
    if recipe == "squad-v2":
        for file in files:
            predictions = report / FOLDER / f"{file.name}.jsonl"
            assert null_odds(predictions).best_f1 >= NEVER_AN_ANSWER + 4, file.name
