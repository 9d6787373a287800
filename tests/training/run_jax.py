"""What test_jax runs under KERAS_BACKEND=jax: trains, then continues from a checkpoint."""

import shutil
import sys
from pathlib import Path

import keras
import numpy as np

from bertline.artifacts import write_json
from bertline.modeling.model import build_model
from bertline.modeling.sites import FixedSites
from bertline.modeling.weights import assign, save_weights, weights_digest
from bertline.training.finetune import finetune
from bertline.training.quantize import quantize
from bertline.training.settings import FitSettings, QuantizationSettings, TeacherWeights
from tests.modeling.toys import batch_of
from tests.training import test_optimizers
from tests.training.toys import SPEC, encoder_weights, toy_features

# One shape of batch, since each is compiled.
TRAIN, DEV = toy_features([7] * 32), toy_features([7] * 8, seed=1)
SETTINGS = FitSettings(
    num_epochs=4, batch_size=8, learning_rate=0.02, save_checkpoints_steps=10, precision="float32"
)
BATCH = batch_of([2, 9, 8, 12, 3], [2, 7, 3], length=8)


def main(folder: Path) -> None:
    """Writes weights.safetensors, logits.safetensors and facts.json into `folder`."""
    assert keras.backend.backend() == "jax"
    test_optimizers.test_two_steps_by_hand()
    test_optimizers.test_gradients_are_clipped_together()
    work = folder / "work"
    weights, _, history = finetune(SPEC, encoder_weights(), TRAIN, DEV, SETTINGS, work)
    # As a run that was killed after step 10 would have left it.
    shutil.rmtree(work / "step-00000016")
    again, _, history_again = finetune(SPEC, encoder_weights(), TRAIN, DEV, SETTINGS, work)
    model = build_model(SPEC)
    assign(model.trainable_variables, weights, where="trained")
    logits = {name: np.asarray(value) for name, value in model(BATCH).items()}
    save_weights(weights, folder / "weights.safetensors")
    save_weights(logits, folder / "logits.safetensors")
    # Calibration and two steps, with layers computed again.
    settings = SETTINGS.model_copy(
        update={"learning_rate": 1e-3, "max_steps": 2, "dropout": False, "recompute": True}
    )
    quantized, ranges, _ = quantize(
        SPEC, weights, TRAIN, DEV, settings, QuantizationSettings(), TeacherWeights(), folder / "q"
    )
    model = build_model(SPEC, sites=FixedSites(ranges))
    assign(model.trainable_variables, quantized, where="quantized")
    logits = {name: np.asarray(value) for name, value in model(BATCH).items()}
    save_weights(quantized, folder / "quantized.safetensors")
    save_weights(logits, folder / "quantized_logits.safetensors")
    write_json(folder / "ranges.json", ranges)
    facts = {
        "digests": [weights_digest(weights), weights_digest(again)],
        "histories": [history, history_again],
    }
    write_json(folder / "facts.json", facts)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
