"""The optimizer of BERT and its learning rate, as in google-research/bert (optimization.py)."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops


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
            weight_decay=weight_decay,
            global_clipnorm=global_clipnorm,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
        )
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables: list[Any]) -> None:
        """Makes two moments a variable."""
        if self.built:
            return
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(
            variables, ["momentum", "velocity"]
        )
        self.exclude_from_weight_decay(var_list=[v for v in variables if not decays(v.path)])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates one variable; Keras applies clipping and decay before."""
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
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
    return name not in ("bias", "log_scale") and not any("norm" in scope for scope in scopes)
