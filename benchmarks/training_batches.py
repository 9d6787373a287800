"""bertline's side of benchmarks.training: what is trained, and the batches that are compared."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bertline.features.batches import PADDING, FeatureSet
from bertline.features.records import read_features
from bertline.modeling.config import ModelSpec
from bertline.modeling.model import build_model
from bertline.modeling.weights import Tensors, assign, load_weights
from bertline.stages import finetune
from bertline.training.batches import TrainingBatches
from bertline.training.devices import dtype_policy
from bertline.training.fit import Trained
from bertline.training.losses import OBJECTIVES, Objective
from bertline.training.optimizers import BertAdamW
from bertline.training.settings import Precision
from bertline.training.words import UsedWords

STATIC_LENGTH = 48
SETTINGS = finetune.Settings()

Array = NDArray[np.int32]
MakeBatches = Callable[..., TrainingBatches]


class StaticBatches(TrainingBatches):
    """Batches that are all padded to STATIC_LENGTH."""

    def __getitem__(self, index: int) -> tuple[dict[str, Any], dict[str, Any]]:
        inputs, targets = super().__getitem__(index)
        tokens = self._objective.token_targets
        wide_inputs = {name: widened(name, array, STATIC_LENGTH) for name, array in inputs.items()}
        wide_targets = {name: widened(name, targets[name], STATIC_LENGTH) for name in tokens}
        return wide_inputs, {**targets, **wide_targets}


def widened(name: str, array: Array, length: int) -> Array:
    """The column `name`, int32 [batch, at most length], padded to int32 [batch, length]."""
    missing = length - array.shape[1]
    return np.pad(array, ((0, 0), (0, missing)), constant_values=PADDING.get(name, 0))


BATCHES: dict[str, MakeBatches] = {
    "buckets": TrainingBatches,
    "random": functools.partial(TrainingBatches, batches_per_window=1),
    "static": functools.partial(StaticBatches, batches_per_window=1),
}


@dataclass(frozen=True)
class TrainingSet:
    """What finetune trains: a model's spec and first weights, and examples."""

    spec: ModelSpec
    start: Tensors
    examples: FeatureSet

    @classmethod
    def read(cls, folder: Path, used_words_only: bool = True) -> Self:
        """The artifacts encoder and features of `folder`, without unused words as in finetune."""
        encoder, features = folder / "encoder", folder / "features"
        spec = finetune.model_spec(encoder, features)
        start = load_weights(encoder / "weights.safetensors")
        examples = read_features(features, "train")
        if not used_words_only:
            return cls(spec, start, examples)
        used = UsedWords.of(spec, start, examples, read_features(features, "dev"))
        return cls(used.spec(spec), used.weights(start), used.features(examples))

    @property
    def objective(self) -> Objective:
        """What is trained."""
        return OBJECTIVES[self.spec.head]

    def block(self, make: MakeBatches, number: int, steps: int) -> TrainingBatches:
        """The batches of block `number`."""
        return make(
            self.examples,
            self.objective,
            SETTINGS.batch_size,
            total_steps=(number + 1) * steps,
            seed=SETTINGS.seed,
            first_step=number * steps,
        )

    def trainer(
        self, make: MakeBatches, precision: Precision, steps: int
    ) -> Callable[[int], float]:
        """Trains block after block through Keras' `fit`, as finetune does; gives the mean loss."""
        network = build_model(self.spec, dtype_policy(precision))
        assign(network.get_layer("encoder").trainable_variables, self.start, where="the encoder")
        model = Trained(network, self.objective)
        optimizer = BertAdamW(SETTINGS.learning_rate, SETTINGS.weight_decay)
        model.compile(optimizer=optimizer, jit_compile=False)

        def train_block(number: int) -> float:
            stream = self.block(make, number, steps).stream()
            return float(model.fit(stream, shuffle=False, verbose=0).history["loss"][-1])

        return train_block
