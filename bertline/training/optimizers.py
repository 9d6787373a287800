"""The optimizer of BERT and its learning rate, as in google-research/bert (optimization.py)."""

import math
import sys
from typing import Any

import keras
import numpy as np
from keras import ops

from bertline.training.settings import FitSettings


class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Linear warm-up from 0 to `peak`, then linear decay.

    The decay is on the line from `peak` at step 0 to 0 at `total_steps`, so that the rate falls a
    little when warm-up ends. The very first step has rate 0. batches_per_step: Keras counts
    batches, of which several make a step where gradients are accumulated.
    """

    def __init__(
        self, peak: float, total_steps: int, warmup_steps: int, batches_per_step: int = 1
    ) -> None:
        assert 0 <= warmup_steps < total_steps, f"{warmup_steps} of {total_steps} steps"
        self.peak, self.total_steps, self.warmup_steps = peak, total_steps, warmup_steps
        self.batches_per_step = batches_per_step

    def __call__(self, batch: Any) -> Any:
        """The rate of the step that `batch` belongs to, both counted from 0."""
        step = ops.cast(batch // self.batches_per_step, "float32")
        rate = self.peak * (1.0 - ops.minimum(step, self.total_steps) / self.total_steps)
        if self.warmup_steps == 0:
            return rate
        warmup_rate = self.peak * step / self.warmup_steps
        return ops.where(step < self.warmup_steps, warmup_rate, rate)


def batches_of(settings: FitSettings, examples: int) -> int:
    """The number of batches that training on so many examples takes."""
    batches = math.ceil(examples / settings.batch_size) * settings.num_epochs
    return min(batches, settings.max_steps or sys.maxsize)


def schedule_of(settings: FitSettings, examples: int) -> WarmupDecay:
    """The learning rate of training on so many examples."""
    together = settings.gradient_accumulation_steps
    updates = math.ceil(batches_of(settings, examples) / together)
    warmup_updates = int(updates * settings.warmup_fraction)
    return WarmupDecay(settings.learning_rate, updates, warmup_updates, together)


def remaining(settings: FitSettings, examples: int) -> float:
    """The share of a decaying weight that training leaves if its gradient is always 0."""
    together = settings.gradient_accumulation_steps
    # Batches that are too few for an update at the end make none.
    updates = np.arange(batches_of(settings, examples) // together)
    rates = np.asarray(schedule_of(settings, examples)(updates * together), np.float64)
    return float(np.prod(1.0 - rates * settings.weight_decay))


class BertAdamW(keras.optimizers.Optimizer):  # type: ignore[misc]
    """AdamW as BERT was trained with: decoupled weight decay and no bias correction.

    Gradients are clipped to a global norm of 1. Normalization parameters and biases do not decay.
    """

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float = 0.01,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
        global_clipnorm: float = 1.0,
        name: str = "bert_adamw",
        gradient_accumulation_steps: int | None = None,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            global_clipnorm=global_clipnorm,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
        )
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.decay = weight_decay

    def build(self, variables: list[Any]) -> None:
        """Makes two moments a variable."""
        if self.built:
            return
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(
            variables, ["momentum", "velocity"]
        )
        self._decays = [decays(variable.path) for variable in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Decays and updates one variable; Keras clips the gradients before."""
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        if self._decays[index]:
            # The scalars first: Keras' own decay takes one more pass over every variable.
            self.assign_sub(variable, variable * (learning_rate * self.decay))
        gradient = ops.convert_to_tensor(gradient)
        if keras.backend.backend() == "tensorflow":
            self._apply_in_one_pass(gradient, variable, m, v, learning_rate)
            return
        self.assign(m, self.beta_1 * m + (1 - self.beta_1) * gradient)
        self.assign(v, self.beta_2 * v + (1 - self.beta_2) * ops.square(gradient))
        self.assign_sub(variable, learning_rate * m / (ops.sqrt(v) + self.epsilon))

    def _apply_in_one_pass(
        self, gradient: Any, variable: Any, m: Any, v: Any, learning_rate: Any
    ) -> None:
        # On a CPU the dozen passes over memory of single operations are a third of a small
        # encoder's step. Powers of 0 leave the bias uncorrected.
        import tensorflow as tf

        # The kernel's 1 - beta_2 is that of float32, 1.3e-5 off for 0.999, and so is v in the end.
        root = math.sqrt((1 - float(np.float32(self.beta_2))) / (1 - self.beta_2))
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=m.value.handle,
            v=v.value.handle,
            beta1_power=0.0,
            beta2_power=0.0,
            lr=learning_rate * root,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon * root,
            grad=gradient,
        )


def decays(path: str) -> bool:
    """Whether the variable of this path takes part in weight decay."""
    *scopes, name = path.lower().split("/")
    is_bias = name.endswith("bias") or name == "log_scale"
    return not is_bias and not any("norm" in scope for scope in scopes)
