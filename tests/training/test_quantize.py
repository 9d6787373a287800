"""Quantization-aware training of a toy: what it does to losses, weights, ranges and checkpoints."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from bertline.errors import ConfigError
from bertline.modeling.quantization import Ranges
from bertline.modeling.weights import Tensors, weights_digest
from bertline.training.checkpoints import History
from bertline.training.finetune import finetune
from bertline.training.quantize import quantize
from bertline.training.settings import FitSettings, QuantizationSettings, TeacherWeights
from tests.training.toys import SPEC, encoder_weights, toy_features

# tf.data stays compiled where the rest is run eagerly, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning")

# Of one length: what is traced is traced once.
TRAIN, DEV = toy_features([8] * 48), toy_features([8] * 8, seed=1)
SETTINGS = FitSettings(
    num_epochs=5,
    batch_size=8,
    learning_rate=0.02,
    save_checkpoints_steps=4,
    precision="float32",
    seed=3,
)
QAT = SETTINGS.model_copy(update={"learning_rate": 5e-3, "max_steps": 12, "dropout": False})
Quantized = tuple[Tensors, Ranges, History, Path]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tensors, History]:
    weights, _, history = finetune(
        SPEC, encoder_weights(), TRAIN, DEV, SETTINGS, tmp_path_factory.mktemp("float")
    )
    return weights, history


def joined(folder: Path, **changes: Any) -> tuple[Tensors, Ranges | None, History]:
    """The same training with quantization in it."""
    settings = QuantizationSettings(**changes)
    return finetune(SPEC, encoder_weights(), TRAIN, DEV, SETTINGS, folder, settings)


def qat(folder: Path, weights: Tensors, **changes: Any) -> tuple[Tensors, Ranges, History]:
    settings, quantization = QAT.model_copy(update=changes), QuantizationSettings()
    return quantize(SPEC, weights, TRAIN, DEV, settings, quantization, TeacherWeights(), folder)


@pytest.fixture(scope="module")
def quantized(
    trained: tuple[Tensors, History], tmp_path_factory: pytest.TempPathFactory
) -> Quantized:
    folder = tmp_path_factory.mktemp("qat")
    return *qat(folder, trained[0]), folder


def test_until_the_delay_ends_the_loss_is_the_float_one(
    trained: tuple[Tensors, History], tmp_path: Path
) -> None:
    _, ranges, history = joined(tmp_path, quant_delay=20, ranges="moving_average")
    losses, float_losses = ([each["loss"] for each in h] for h in (history, trained[1]))
    assert losses[:20] == float_losses[:20]
    assert losses[20] != float_losses[20]
    assert ranges is not None
    assert all(low <= 0 <= high and low < high for low, high in ranges.values())


def test_left_out_of_training_it_changes_evaluation_alone(
    trained: tuple[Tensors, History], tmp_path: Path
) -> None:
    weights, _, history = joined(tmp_path, quantize_training=False)
    assert weights_digest(weights) == weights_digest(trained[0])
    assert history[-1]["dev_loss"] != trained[1][-1]["dev_loss"]


def test_the_teacher_is_followed(trained: tuple[Tensors, History], quantized: Quantized) -> None:
    weights, ranges, history, _ = quantized
    assert [each["step"] for each in history] == list(range(1, 13))
    assert weights.keys() == trained[0].keys()
    first, last = (sum(each["loss"] for each in epoch) for epoch in (history[:6], history[6:]))
    assert last < first
    assert history[-1]["dev_slot_accuracy"] >= trained[1][-1]["dev_slot_accuracy"] - 0.05
    assert ranges["layer_0/softmax"] == (0, 255 / 256)


def test_a_run_that_continues_ends_as_an_undisturbed_one(
    trained: tuple[Tensors, History],
    quantized: Quantized,
    tmp_path: Path,
) -> None:
    weights, ranges, history, folder = quantized
    # As a run that was killed after step 8 would have left it.
    shutil.copytree(folder / "step-00000008", tmp_path / "step-00000008")
    again, ranges_again, history_again = qat(tmp_path, trained[0])
    assert weights_digest(again) == weights_digest(weights)
    assert ranges_again == ranges
    assert history_again == history


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Two or three steps are sooner run than compiled."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.usefixtures("eagerly")
def test_all_kinds_of_ranges_join_in_fine_tuning(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"max_steps": 3, "learning_rate": 1e-3})
    found = {}
    for kind in ("moving_average", "percentile", "pact", "lsq"):
        quantization = QuantizationSettings(ranges=kind, calibration_batches=1)
        _, ranges, history = finetune(
            SPEC, encoder_weights(), TRAIN, DEV, settings, tmp_path / kind, quantization
        )
        assert ranges is not None
        assert np.isfinite(history[-1]["loss"])
        found[kind] = ranges["layer_0/output_sum"]
    assert len(set(found.values())) == 4


@pytest.mark.usefixtures("eagerly")
def test_bfloat16_is_for_products_and_not_for_ranges(
    trained: tuple[Tensors, History], tmp_path: Path
) -> None:
    found = {}
    for precision in ("float32", "bfloat16"):
        weights, found[precision], _ = qat(
            tmp_path / precision, trained[0], max_steps=2, precision=precision
        )
        assert all(value.dtype == np.float32 for value in weights.values())
    for site, (low, high) in found["float32"].items():
        other_low, other_high = found["bfloat16"][site]
        assert other_high - other_low == pytest.approx(high - low, rel=0.1), site


def test_accumulated_gradients_are_those_of_a_larger_batch(tmp_path: Path) -> None:
    def run(name: str, **changes: Any) -> Tensors:
        settings = SETTINGS.model_copy(update={"dropout": False, "num_epochs": 2, **changes})
        return finetune(SPEC, encoder_weights(), TRAIN, DEV, settings, tmp_path / name)[0]

    whole = run("whole", batch_size=48)
    parts = run("parts", batch_size=8, gradient_accumulation_steps=6)
    for path, value in whole.items():
        np.testing.assert_allclose(parts[path], value, atol=1e-5, err_msg=path)


def test_layers_computed_again_give_the_same_weights(
    trained: tuple[Tensors, History], quantized: Quantized, tmp_path: Path
) -> None:
    weights, ranges, _ = qat(tmp_path, trained[0], recompute=True)
    for path, value in quantized[0].items():
        np.testing.assert_allclose(weights[path], value, atol=1e-6, err_msg=path)
    for site, bounds in quantized[1].items():
        assert ranges[site] == pytest.approx(bounds, rel=1e-5)


def test_dropout_cannot_be_drawn_twice() -> None:
    with pytest.raises(ConfigError, match="^here: key 'recompute' = True: .*set dropout to false$"):
        FitSettings.parse({"recompute": True}, where="here")
