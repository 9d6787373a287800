"""What the line must reach on the real SNIPS data: three seeds, an hour and more on 2 cores.

The runs are kept in runs/seeds and taken up again, so that a second call is quick.
"""

from pathlib import Path

import pytest

from benchmarks.seeds import Pooled, pool, run_seeds
from tests.conftest import ROOT

pytestmark = [pytest.mark.real, pytest.mark.slow]

SETTINGS = ("evaluate.agreement_examples=2000",)


@pytest.fixture(scope="module")
def files(shared: Path) -> list[Pooled]:
    data, root = str(shared / "data" / "snips"), ROOT / "runs" / "seeds"
    return pool(run_seeds("snips", data, root, (1, 2, 3), SETTINGS))


def test_the_training_model_reaches_the_published_bars(files: list[Pooled]) -> None:
    reference = files[0].metrics

    assert reference["intent_accuracy"] >= 98.6
    assert reference["slot_f1"] >= 95.0
    assert reference["sentence_accuracy"] >= 89.0


def test_every_file_stays_near_the_training_model(files: list[Pooled]) -> None:
    assert len(files) == 7
    for file in files[1:]:
        assert file.drops["intent_accuracy"].estimate <= 0.3, file.name
        assert file.drops["slot_f1"].estimate <= 0.5, file.name


def test_every_file_answers_training_texts_as_the_training_model(files: list[Pooled]) -> None:
    for file in files[1:]:
        assert file.same["intent"] >= 99.5, file.name
        assert file.same["slots"] >= 97.0, file.name


def test_float_files_have_the_logits_of_the_training_model(files: list[Pooled]) -> None:
    by_name = {file.name: file for file in files}

    assert by_name["saved_model"].logit_difference <= 1e-4
    assert by_name["litert_float32"].logit_difference <= 1e-4
