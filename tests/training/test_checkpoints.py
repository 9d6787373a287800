import os
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from bertline.errors import StageError
from bertline.modeling.model import build_model
from bertline.modeling.weights import Tensors
from bertline.training import checkpoints as checkpoints_module
from bertline.training.checkpoints import Checkpoints, History
from bertline.training.fit import Trained
from bertline.training.losses import OBJECTIVES
from bertline.training.optimizers import BertAdamW
from tests.modeling.toys import batch_of
from tests.training.toys import SPEC

HISTORY: History = [{"step": 2, "loss": 0.5}]


@pytest.fixture(scope="module")
def model() -> Trained:
    trained = Trained(build_model(SPEC), OBJECTIVES[SPEC.head])
    trained.compile(optimizer=BertAdamW(0.1), jit_compile=False)
    trained.optimizer.build(trained.trainable_variables)
    return trained


def state(model: keras.Model) -> Tensors:
    """A copy of all that a checkpoint must hold: weights, moments, counters, dropout seeds."""
    variables = [*model.variables, *model.optimizer.variables]
    return {f"{i} {v.path}": np.asarray(v).copy() for i, v in enumerate(variables)}


def change(model: keras.Model) -> None:
    """Moves everything: a step of the optimizer, and dropout drawn."""
    gradients = [np.ones(variable.shape, np.float32) for variable in model.trainable_variables]
    model.optimizer.apply(gradients, model.trainable_variables)
    model(batch_of([2, 5, 3], length=8), training=True)


def equal(one: Tensors, other: Tensors) -> bool:
    return one.keys() == other.keys() and all((one[key] == other[key]).all() for key in one)


def test_what_was_saved_is_restored(tmp_path: Path, model: Trained) -> None:
    checkpoints = Checkpoints(tmp_path, model)
    change(model)
    saved = state(model)
    checkpoints.save(2, HISTORY)
    change(model)
    changed = [key for key, value in state(model).items() if (value != saved[key]).any()]
    for part in ("kernel", "momentum", "velocity", "iteration", "seed"):
        assert any(part in key for key in changed), part
    assert Checkpoints(tmp_path, model).restore() == (2, HISTORY)
    assert equal(state(model), saved)


def test_nothing_is_restored_from_nothing(tmp_path: Path, model: Trained) -> None:
    before = state(model)
    assert Checkpoints(tmp_path / "none", model).restore() == (0, [])
    assert equal(state(model), before)


def test_the_last_two_are_kept(tmp_path: Path, model: Trained) -> None:
    checkpoints = Checkpoints(tmp_path, model)
    for step in (2, 4, 12):
        checkpoints.save(step, HISTORY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000004", "step-00000012"]


def truncate(newest: Path) -> None:
    file = newest / "state.safetensors"
    file.write_bytes(file.read_bytes()[:-8])


def empty(newest: Path) -> None:
    for file in newest.iterdir():
        file.unlink()


def garble(newest: Path) -> None:
    (newest / "manifest.json").write_text('{"kind": "checkpoint"}')


def flip(newest: Path) -> None:
    file = newest / "state.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def flip_history(newest: Path) -> None:
    file = newest / "manifest.json"
    file.write_text(file.read_text().replace("0.25", "0.35"))


@pytest.mark.parametrize("damage", [truncate, empty, garble, flip, flip_history])
def test_of_damaged_ones_the_one_before_is_taken_and_a_line_says_so(
    tmp_path: Path,
    model: Trained,
    damage: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    checkpoints = Checkpoints(tmp_path, model)
    checkpoints.save(2, HISTORY)
    saved = state(model)
    change(model)
    checkpoints.save(4, [*HISTORY, {"step": 4, "loss": 0.25}])
    damage(tmp_path / "step-00000004")
    assert checkpoints.restore() == (2, HISTORY)
    assert equal(state(model), saved)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"-- {tmp_path / 'step-00000004'}")
    assert line.endswith("; training continues from the checkpoint before it, if any")


def test_what_a_killed_run_left_half_written_goes(tmp_path: Path, model: Trained) -> None:
    (tmp_path / ".step-00000002.0a1b2c3d.tmp").mkdir()
    Checkpoints(tmp_path, model).restore()
    assert list(tmp_path.iterdir()) == []


def test_two_trainings_do_not_share_a_folder(
    tmp_path: Path, model: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints_module, "LOCK_SECONDS", 0.1)
    first, second = (Checkpoints(tmp_path / "work", model) for _ in range(2))
    message = rf"work: another process trains there \(process {os.getpid()}\); end it and run"
    with first.alone(), pytest.raises(StageError, match=message), second.alone():
        pass
    with second.alone():
        second.save(2, HISTORY)
