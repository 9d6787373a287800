"""The order and the padding of training batches, reproducible from (seed, step) alone."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from bertline.features.batches import MODEL_INPUTS, FeatureSet, pad_batch, round_up
from bertline.training.devices import length_multiple
from bertline.training.losses import NOT_COUNTED, Objective

# How many batches' worth of examples are sorted by length together: enough that a batch is nearly
# of one length, few enough that batches differ from epoch to epoch.
BATCHES_PER_WINDOW = 50


class TrainingBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of steps first_step … total_steps - 1, each (inputs, targets).

    Where a keras.distribution is set, of each batch what `own_rows` leaves to this process.

    Every epoch is a new permutation, cut into windows that are sorted by length, so that little
    padding is computed; batches are padded as `padded` does it.
    batches_per_window: how many batches a window makes; 1 leaves each as random as the permutation.
    """

    def __init__(
        self,
        features: FeatureSet,
        objective: Objective,
        batch_size: int,
        total_steps: int,
        seed: int,
        first_step: int = 0,
        batches_per_window: int = BATCHES_PER_WINDOW,
    ) -> None:
        super().__init__(workers=1)
        self._features, self._objective = features, objective
        self._window = batches_per_window * batch_size
        self._batch_size, self._seed = batch_size, seed
        self._first_step, self._total_steps = first_step, total_steps
        self._epoch = -1
        self._rows: list[NDArray[np.int64]] = []

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches that hold every example once."""
        return -(-len(self._features) // self._batch_size)

    def __len__(self) -> int:
        return self._total_steps - self._first_step

    def __getitem__(self, index: int) -> tuple[dict[str, Any], dict[str, Any]]:
        epoch, place = divmod(self._first_step + index, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._rows = epoch, self._order(epoch)
        return own_rows(*padded(self._features, self._rows[place], self._objective))

    def stream(self) -> Any:
        """The batches as `fit` takes them.

        Under TensorFlow this is a tf.data.Dataset of open shapes: Keras infers the shapes of a
        PyDataset from its first two batches, and rejects other lengths where these have one length.
        The dataset maps step numbers to batches. `Dataset.from_generator` would do the same, but it
        makes glibc return freed memory to the system for the rest of the process, so that every
        step faults its large buffers in again.
        """
        if keras.backend.backend() != "tensorflow":
            return self
        import tensorflow as tf

        signature = tf.nest.map_structure(
            lambda array: tf.TensorSpec([None] * array.ndim, array.dtype), self[0]
        )
        specs = tf.nest.flatten(signature)

        def arrays(index: NDArray[np.int64]) -> list[Any]:
            flat: list[Any] = tf.nest.flatten(self[int(index)])
            return flat

        def batch(index: Any) -> Any:
            tensors = tf.numpy_function(arrays, [index], [spec.dtype for spec in specs])
            for tensor, spec in zip(tensors, specs, strict=True):
                tensor.set_shape(spec.shape)
            return tf.nest.pack_sequence_as(signature, tensors)

        return tf.data.Dataset.range(len(self)).map(batch).prefetch(tf.data.AUTOTUNE)

    def _order(self, epoch: int) -> list[NDArray[np.int64]]:
        random = np.random.default_rng([self._seed, epoch])
        order = random.permutation(len(self._features))
        lengths = self._features.lengths
        for start in range(0, len(order), self._window):
            part = order[start : start + self._window]
            order[start : start + self._window] = part[np.argsort(lengths[part], kind="stable")]
        batches = [
            order[start : start + self._batch_size]
            for start in range(0, len(order), self._batch_size)
        ]
        return [batches[i] for i in random.permutation(len(batches))]


def padded(
    features: FeatureSet, rows: NDArray[np.int64], objective: Objective
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inputs and targets of these rows, padded to the longest, rounded up for the device."""
    length = round_up(int(features.lengths[rows].max()), length_multiple())
    inputs = pad_batch(features, rows, MODEL_INPUTS, length)
    targets = pad_batch(features, rows, objective.example_targets, 1)
    targets |= pad_batch(features, rows, objective.token_targets, length)
    return inputs, targets


def own_rows(
    inputs: dict[str, Any], targets: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """This process' share of a batch: as many rows for each device of the keras.distribution.

    The batch is filled up with rows of padding alone, whose targets are not counted, to a multiple
    of the number of devices; the loss over all shares is that of the batch. Without a distribution
    it stays as it is.
    """
    distribution = keras.distribution.distribution()
    if distribution is None:
        return inputs, targets
    count = len(inputs["input_ids"])
    missing = -count % distribution.num_model_replicas
    size = (count + missing) // distribution.num_processes
    own = slice(size * distribution.data_shard_id, size * (distribution.data_shard_id + 1))

    def share(arrays: dict[str, Any], filling: int) -> dict[str, Any]:
        widths = [(0, missing), (0, 0)]
        return {
            name: np.pad(array, widths, constant_values=filling)[own]
            for name, array in arrays.items()
        }

    return share(inputs, 0), share(targets, NOT_COUNTED)
