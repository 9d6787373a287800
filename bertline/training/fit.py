"""The one training loop: Keras' `fit` over a stream of steps that can start anywhere."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from bertline.errors import CheckpointError, ConfigError
from bertline.features.batches import FeatureSet, length_sorted_batches
from bertline.progress import Progress
from bertline.training.batches import TrainingBatches, padded
from bertline.training.checkpoints import Checkpoints, History
from bertline.training.devices import is_first_process
from bertline.training.losses import NOT_COUNTED, Objective
from bertline.training.optimizers import BertAdamW, batches_of, schedule_of
from bertline.training.settings import FitSettings

_LOGGED_POINTS = 100


class Trained(keras.Model):  # type: ignore[misc]
    """A network with what it is trained on; distillation and others replace the loss alone."""

    def __init__(self, network: keras.Model, objective: Objective) -> None:
        super().__init__(name="trained")
        self.network, self.objective = network, objective

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """The network's outputs."""
        outputs: dict[str, Any] = self.network(inputs, training=training)
        return outputs

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The objective's loss of targets `y` and outputs `y_pred`."""
        return self.objective.loss(y, y_pred)


def fit(
    model: Trained, train: FeatureSet, dev: FeatureSet, settings: FitSettings, folder: Path
) -> History:
    """Trains `model` in place and returns its history, one entry a logged step.

    folder: where checkpoints and TensorBoard summaries go; a run that finds a checkpoint there
    continues from it, to the same weights as one that was never stopped. Entries hold step, epoch,
    loss (mean since the entry before), learning_rate (of the step to come), and dev_* at the end of
    an epoch. Raises ConfigError where the loss stops being finite, CheckpointError where it is not
    even before the first update.
    """
    total_steps = batches_of(settings, len(train))
    together = settings.gradient_accumulation_steps
    # JAX is slow without its compiler; TensorFlow's graphs are fast as they are and reproducible.
    compiled = keras.backend.backend() == "jax"
    optimizer = BertAdamW(
        schedule_of(settings, len(train)),
        settings.weight_decay,
        gradient_accumulation_steps=together if together > 1 else None,  # Keras does not know 1.
    )
    model.compile(optimizer=optimizer, jit_compile=compiled)
    model.optimizer.build(model.trainable_variables)
    checkpoints = Checkpoints(folder, model)
    with checkpoints.alone():
        first_step, history = checkpoints.restore()
        if first_step == total_steps:
            return history
        batches = TrainingBatches(
            train, model.objective, settings.batch_size, total_steps, settings.seed, first_step
        )
        with Progress("finetune", total_steps, "steps", done=first_step) as progress:
            watch = _Watch(batches, dev, settings, checkpoints, history, progress)
            model.fit(batches.stream(), shuffle=False, verbose=0, callbacks=[watch])
        return history


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """After each step: progress, history, TensorBoard, dev metrics, checkpoints."""

    def __init__(
        self,
        batches: TrainingBatches,
        dev: FeatureSet,
        settings: FitSettings,
        checkpoints: Checkpoints,
        history: History,
        progress: Progress,
    ) -> None:
        from tensorboard.summary import Writer

        super().__init__()
        self.batches, self.dev, self.settings = batches, dev, settings
        self.checkpoints, self.history, self.progress = checkpoints, history, progress
        self.first_step = progress.done
        self.total_steps = progress.done + len(batches)
        self.log_every = max(self.total_steps // _LOGGED_POINTS, 1)
        summaries = str(checkpoints.folder / "tensorboard")
        self.writer = Writer(summaries) if is_first_process() else None

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        loss = float((logs or {})["loss"])
        step = self.first_step + batch + 1
        self._require_finite(loss, updates=step - 1)
        self.progress.update(note=f"loss {loss:.4f}")
        ends_epoch = step % self.batches.steps_per_epoch == 0 or step == self.total_steps
        saves = step % self.settings.save_checkpoints_steps == 0 or step == self.total_steps
        if ends_epoch or saves or step % self.log_every == 0:
            self._log(step, loss, ends_epoch)
        if saves:
            # Under JAX the variables are up to date since _log has read self.model.
            self.checkpoints.save(step, self.history)

    def _log(self, step: int, loss: float, ends_epoch: bool) -> None:
        entry: dict[str, Any] = {
            "step": step,
            "epoch": step / self.batches.steps_per_epoch,
            "loss": loss,
            "learning_rate": float(self.model.optimizer.learning_rate),
        }
        if ends_epoch:
            entry |= evaluate(self.model, self.dev, self.settings.batch_size)
            self._require_finite(entry["dev_loss"], updates=step)
        # Keras reports the mean since the metrics were last reset.
        self.model.reset_metrics()
        self.history.append(entry)
        if self.writer is None:
            return
        for name in sorted(entry.keys() - {"step"}):
            self.writer.add_scalar(name, entry[name], step)
        self.writer.flush()

    def _require_finite(self, loss: float, updates: int) -> None:
        """Ends training if the loss after so many steps' updates is not finite."""
        if math.isfinite(loss):
            return
        problem = f"the loss is {loss} at step {updates + 1} of {self.total_steps}"
        if updates == 0:
            raise CheckpointError(
                f"{problem}, before any update: the weights to start from are not usable; import "
                "the checkpoint again"
            )
        rate = float(self.model.optimizer.learning_rate)
        kept = self.checkpoints.newest(before=updates)
        raise ConfigError(
            f"{problem}, with learning rate {rate:.3g}; last good checkpoint: {kept or 'none'}; "
            f"set learning_rate, now {self.settings.learning_rate:g}, lower"
        )


def evaluate(model: Trained, dev: FeatureSet, batch_size: int) -> dict[str, float]:
    """Loss and the accuracy of each output on `dev`: dev_loss, dev_<output>_accuracy in [0, 1]."""
    loss = 0.0
    right = dict.fromkeys(model.objective.classes, 0)
    counted = dict.fromkeys(model.objective.classes, 0)
    for rows in length_sorted_batches(dev.lengths, batch_size):
        inputs, targets = padded(dev, rows, model.objective)
        outputs = model.predict_on_batch(inputs)
        loss += float(model.objective.loss(targets, outputs)) * len(rows)
        for output, target in model.objective.classes.items():
            classes = targets[target].reshape(outputs[output].shape[:-1])
            right[output] += int((outputs[output].argmax(-1) == classes).sum())
            counted[output] += int((classes != NOT_COUNTED).sum())
    accuracies = {
        f"dev_{name.removesuffix('_logits')}_accuracy": right[name] / max(counted[name], 1)
        for name in right
    }
    return {"dev_loss": loss / max(len(dev), 1), **accuracies}
