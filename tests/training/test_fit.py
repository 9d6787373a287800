from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertline.errors import CheckpointError, ConfigError
from bertline.modeling.weights import Tensors, weights_digest
from bertline.progress import Progress
from bertline.training import fit as fit_module
from bertline.training.checkpoints import History
from bertline.training.finetune import finetune
from bertline.training.settings import FitSettings
from tests.training.toys import SPEC, encoder_weights, toy_features

# 80 examples in batches of two lengths, the last one of an epoch smaller.
TRAIN = toy_features([5, 12, 4, 7] * 20)
DEV = toy_features([5, 12, 4, 7], seed=1)
SETTINGS = FitSettings(
    num_epochs=3,
    batch_size=12,
    learning_rate=0.02,
    save_checkpoints_steps=4,
    precision="float32",
    seed=3,
)
STEPS_PER_EPOCH, STEPS = 7, 21


@dataclass(frozen=True)
class Run:
    weights: Tensors
    history: History
    folder: Path


def train(folder: Path, settings: FitSettings = SETTINGS) -> Run:
    weights, _, history = finetune(SPEC, encoder_weights(), TRAIN, DEV, settings, folder)
    return Run(weights, history, folder)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(tmp_path_factory.mktemp("undisturbed"))


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes training stop as Ctrl-C stops it, when it has done `step` steps."""

    class Stopping(Progress):
        def update(self, count: int = 1, note: str = "") -> None:
            super().update(count, note)
            if self.done == step:
                raise KeyboardInterrupt

    monkeypatch.setattr(fit_module, "Progress", Stopping)


def test_it_learns(undisturbed: Run) -> None:
    first, last = undisturbed.history[0], undisturbed.history[-1]
    assert last["loss"] < 0.5 * first["loss"]
    assert last["dev_slot_accuracy"] > 0.9
    assert last["dev_intent_accuracy"] >= 0.5
    assert {value.dtype for value in undisturbed.weights.values()} == {np.dtype(np.float32)}


def test_the_history_tells_every_logged_step(undisturbed: Run) -> None:
    history = undisturbed.history
    # Of less than 200 steps each is logged.
    assert [entry["step"] for entry in history] == list(range(1, STEPS + 1))
    assert [entry["epoch"] for entry in history] == pytest.approx(
        [step / STEPS_PER_EPOCH for step in range(1, STEPS + 1)]
    )
    # 2 of 21 steps of warm-up; the rate is that of the step to come.
    rates = [0.01, *(0.02 * (1 - step / STEPS) for step in range(2, STEPS + 1))]
    assert [entry["learning_rate"] for entry in history] == pytest.approx(rates, abs=1e-8)
    with_dev = [entry["step"] for entry in history if "dev_loss" in entry]
    assert with_dev == [7, 14, 21]


def test_checkpoints_and_summaries_lie_in_the_folder(undisturbed: Run) -> None:
    names = sorted(path.name for path in undisturbed.folder.iterdir())
    assert names == ["lock", "step-00000020", "step-00000021", "tensorboard"]
    events = list((undisturbed.folder / "tensorboard").glob("events.out.tfevents.*"))
    assert len(events) == 1
    assert events[0].stat().st_size > 1000


@pytest.mark.parametrize("step", [10, 14])
def test_an_interrupted_run_ends_as_an_undisturbed_one(
    tmp_path: Path, undisturbed: Run, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Stopped between two checkpoints, and before the metrics at an epoch's end."""
    with monkeypatch.context() as patch:
        stop_at(step, patch)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path)
    assert not (tmp_path / f"step-{step:08d}").exists()
    again = train(tmp_path)
    assert weights_digest(again.weights) == weights_digest(undisturbed.weights)
    assert again.history == undisturbed.history


def test_a_finished_run_is_not_run_again(undisturbed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_training(*arguments: Any, **options: Any) -> None:
        raise AssertionError("trains again")

    monkeypatch.setattr(fit_module.Trained, "fit", no_training)
    again = train(undisturbed.folder)
    assert weights_digest(again.weights) == weights_digest(undisturbed.weights)
    assert again.history == undisturbed.history


def test_bfloat16_is_for_the_computation_only(tmp_path: Path, undisturbed: Run) -> None:
    settings = FitSettings.parse(
        SETTINGS.model_dump() | {"num_epochs": 1, "precision": "bfloat16"}, where="test"
    )
    run = train(tmp_path, settings)
    assert {value.dtype for value in run.weights.values()} == {np.dtype(np.float32)}
    assert run.history[0]["loss"] == pytest.approx(undisturbed.history[0]["loss"], rel=0.02)


def test_training_stops_where_the_loss_is_not_finite(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"learning_rate": 1e30, "save_checkpoints_steps": 1})
    message = (
        r"^the loss is nan at step 3 of 21, with learning rate 8.57e\+29; "
        r"last good checkpoint: .*/step-00000001; set learning_rate, now 1e\+30, lower$"
    )
    with pytest.raises(ConfigError, match=message):
        train(tmp_path, settings)


def test_weights_without_a_finite_loss_are_not_trained(tmp_path: Path) -> None:
    weights = encoder_weights()
    weights["encoder/pooler/bias"] = np.full(8, np.nan, np.float32)
    with pytest.raises(CheckpointError, match=r"nan at step 1 of 21, before any update: the weig"):
        finetune(SPEC, weights, TRAIN, DEV, SETTINGS, tmp_path)
    assert not list(tmp_path.glob("step-*"))


def test_an_encoder_of_another_shape_is_told(tmp_path: Path) -> None:
    weights = encoder_weights()
    weights["encoder/pooler/bias"] = np.zeros(9, np.float32)
    with pytest.raises(CheckpointError, match=r"start from: 'encoder/pooler/bias' has shape"):
        finetune(SPEC, weights, TRAIN, DEV, SETTINGS, tmp_path)
