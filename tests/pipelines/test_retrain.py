"""Retraining through kfp.local, each stage a process: generations of data, a toy encoder."""

import io
from pathlib import Path

import pytest

from bertline.drift.profile import Profile
from bertline.drift.verdict import Drift
from bertline.evaluation.results import Results
from bertline.publishing.registry import read_latest, roll_back, versions
from bertline.stages import ingest
from pipelines.recipe import Recipe
from pipelines.run import Retraining, run
from tests.pipelines.toy_generations import write_encoder, write_generation, write_weak_model
from tests.stages.toy_registry import publish_toy

LEARNING = ("import_checkpoint", "tokenize", "finetune", "export", "evaluate", "compare_models")
DEV_SIZE = 12


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder for the runs, the encoder and the data, which has 30 utterances of each intent."""
    write_encoder(tmp_path / "bert")
    write_generation(tmp_path / "data", count=30)
    return tmp_path


def retrain(home: Path) -> tuple[Retraining, list[str], str]:
    """A run on the data in home/data: what it left, its result in words, what was shown."""
    values = {
        "name": "toy",
        "description": "A toy.",
        "pipeline": "retrain",
        "stages": {
            "import_checkpoint": {"checkpoint": str(home / "bert")},
            "ingest": {"task": "snips", "source": str(home / "data"), "dev_size": DEV_SIZE},
            "tokenize": {"max_seq_length": 32},
            "finetune": {"num_epochs": 6, "batch_size": 16, "learning_rate": 3e-3},
            "export": {"formats": ["openvino_fp32"]},
            "evaluate": {
                "agreement_examples": 0,
                "latency_examples": 2,
                "throughput_examples": 8,
                "bootstrap_samples": 100,
            },
            "compare_models": {"maximum_drop_upper": {"intent_accuracy": 2}},
        },
    }
    terminal = io.StringIO()
    found = run(Recipe.parse(values, where="toy"), home / "runs", terminal)
    assert isinstance(found, Retraining)
    return found, found.lines(), terminal.getvalue()


def promoted(found: Retraining, lines: list[str], version: Path) -> None:
    """Checks that a version was published which is better than the one before it."""
    assert lines[-3] == f"published: {version}"
    assert found.result is not None
    results = Results.read(found.result.report)
    assert results.champion == int(version.name) - 1
    (file,) = results.files
    assert file.champion is not None
    assert file.champion.drops["intent_accuracy"].high < 0
    assert "which is in use" in (version / "report.html").read_text()
    assert Profile.read(version / "profile.json").learnt.count == 600


def test_three_generations(home: Path) -> None:
    model = home / "runs/registry/snips"
    settings = ingest.Settings(source=(str(home / "data"),), dev_size=DEV_SIZE)
    ingest.run(settings, examples=home / "examples")
    assert publish_toy(model, write_weak_model(home / "weak"), home / "examples") == 1

    # Unchanged: nothing is trained, and nothing is published.
    skipped, lines, shown = retrain(home)
    assert skipped.result is None
    assert lines[0] == "SKIPPED: version 1 of snips has learnt from this data"
    assert lines[1] == "published: nothing"
    assert not any(stage in shown for stage in LEARNING)

    # More of it: a better model, which is promoted.
    write_generation(home / "data", count=200)
    found, lines, shown = retrain(home)
    assert all(f"  {stage:<18}done in" in shown for stage in LEARNING)
    promoted(found, lines, model / "2")

    # All of one intent: refused before anything is trained, and the champion stays.
    write_generation(home / "data", count=200, intent_of=lambda intent: "GetWeather")
    refused, lines, shown = retrain(home)
    assert refused.result is None
    assert lines[0].startswith("DATA REFUSED, for ")
    assert lines[0].endswith("; version 2 stays in use:")
    assert "published: nothing" in lines
    assert not any(stage in shown for stage in LEARNING)
    assert Drift.read(refused.drift).champion == 2
    assert (versions(model), read_latest(model)) == ([1, 2], 2)

    # Rolled back: the data that it was made from does not bring it back.
    assert roll_back(model) == 1
    write_generation(home / "data", count=200)
    _, lines, shown = retrain(home)
    assert lines[:2] == [
        "SKIPPED: version 2 of snips has learnt from this data",
        "  it was rolled back; version 1 stays in use",
    ]
    assert read_latest(model) == 1


@pytest.mark.slow
def test_the_first_run_has_no_champion_and_makes_one(home: Path) -> None:
    model = home / "runs/registry/snips"
    first, lines, _ = retrain(home)
    assert lines[0] == "data accepted: 5 checks"
    assert lines[-3] == f"published: {model / '1'}"
    assert first.result is not None
    assert Results.read(first.result.report).champion is None
    write_generation(home / "data", count=200)
    second, lines, shown = retrain(home)
    assert "  import_checkpoint cached" in shown
    promoted(second, lines, model / "2")
