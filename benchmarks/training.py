"""Rate of training: length-bucketed batches, as finetune makes them, against others.

    python -m benchmarks.training --data ../shared/data/snips

One model (packaged encoder, fresh head, finetune's default precision) is trained by blocks of
steps, each block through Keras' `fit` as in finetune, in rounds that alternate their order:

- length buckets: batches of nearly one length, padded to a multiple of 8 of their longest.
- random, longest: batches of random examples, padded in the same way.
- random, 48: batches of random examples, all padded to the recipes' max_seq_length.
"""

import argparse
import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.rounds import measure, table
from bertline.features.batches import PADDING, FeatureSet
from bertline.features.records import read_features
from bertline.modeling.model import build_model
from bertline.modeling.weights import assign, load_weights
from bertline.stages import finetune, import_checkpoint, ingest, tokenize
from bertline.training.batches import TrainingBatches
from bertline.training.devices import dtype_policy
from bertline.training.fit import Trained
from bertline.training.losses import OBJECTIVES
from bertline.training.optimizers import BertAdamW

STATIC_LENGTH = 48
SETTINGS = finetune.Settings()

Array = NDArray[np.int32]


class StaticBatches(TrainingBatches):
    """Batches of random examples, all padded to STATIC_LENGTH."""

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


def main() -> None:
    """Prints medians of the rates, and of their ratios to the bucketed ones within a round."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", default="samples/snips", help="a folder in SNIPS layout")
    parser.add_argument("--steps", type=int, default=60, help="training steps of a block")
    parser.add_argument("--rounds", type=int, default=7, help="blocks of each, one more uncounted")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        model, train = _prepare(Path(name), options.data)
    seconds = measure(_contestants(model, train, options.steps), options.rounds)
    count = options.steps * SETTINGS.batch_size
    print(f"\n{count:,} examples a block, {options.rounds} rounds, medians (length buckets = 1)")
    print("\n".join(table(seconds, count, "length buckets")))


def _prepare(folder: Path, data: str) -> tuple[Trained, FeatureSet]:
    """The model, ready to be trained as finetune does it, and the training split."""
    encoder, examples, features = (folder / name for name in ("encoder", "examples", "features"))
    import_checkpoint.run(import_checkpoint.Settings(), encoder=encoder)
    ingest.run(ingest.Settings(source=(data,)), examples=examples)
    tokenized = tokenize.Settings(max_seq_length=STATIC_LENGTH)
    tokenize.run(tokenized, examples=examples, encoder=encoder, features=features)
    spec = finetune.model_spec(encoder, features)
    network = build_model(spec, dtype_policy(SETTINGS.precision))
    weights = load_weights(encoder / "weights.safetensors")
    assign(network.get_layer("encoder").trainable_variables, weights, where="the encoder")
    model = Trained(network, OBJECTIVES[spec.head])
    optimizer = BertAdamW(SETTINGS.learning_rate, SETTINGS.weight_decay)
    model.compile(optimizer=optimizer, jit_compile=False)
    return model, read_features(features, "train")


def _contestants(model: Trained, train: FeatureSet, steps: int) -> dict[str, Callable[[], None]]:
    """What trains the model further by a block of steps, the next one at each call."""

    def blocks(batches: type[TrainingBatches], **options: int) -> Callable[[], None]:
        numbers = itertools.count()

        def train_block() -> None:
            first = next(numbers) * steps
            block = batches(
                train,
                model.objective,
                SETTINGS.batch_size,
                total_steps=first + steps,
                seed=SETTINGS.seed,
                first_step=first,
                **options,
            )
            model.fit(block.stream(), shuffle=False, verbose=0)

        return train_block

    return {
        "length buckets": blocks(TrainingBatches),
        "random, longest": blocks(TrainingBatches, batches_per_window=1),
        "random, 48": blocks(StaticBatches, batches_per_window=1),
    }


if __name__ == "__main__":
    main()
