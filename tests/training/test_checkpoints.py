from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from bertline.modeling.model import build_model
from bertline.modeling.weights import Tensors
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


@pytest.mark.parametrize("damage", [truncate, empty, garble])
def test_of_damaged_ones_the_one_before_is_taken(
    tmp_path: Path, model: Trained, damage: Callable[[Path], None]
) -> None:
    checkpoints = Checkpoints(tmp_path, model)
    checkpoints.save(2, HISTORY)
    saved = state(model)
    change(model)
    checkpoints.save(4, [*HISTORY, {"step": 4, "loss": 0.25}])
    damage(tmp_path / "step-00000004")
    assert checkpoints.restore() == (2, HISTORY)
    assert equal(state(model), saved)


def test_what_a_killed_run_left_half_written_goes(tmp_path: Path, model: Trained) -> None:
    (tmp_path / ".step-00000002.0a1b2c3d.tmp").mkdir()
    Checkpoints(tmp_path, model).restore()
    assert list(tmp_path.iterdir()) == []
