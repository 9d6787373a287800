"""TensorFlow SavedModels."""

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from bertline.errors import CheckpointError, ConfigError
from bertline.evaluation.predictors.base import Batch, Logits, check_names
from bertline.evaluation.predictors.shape import FixedShape
from bertline.modeling.finite import check_finite

SIGNATURE = "serving_default"


class SavedModelPredictor:
    """Logits of a SavedModel folder, for any batch and length or made for one.

    Calls from several threads run side by side, as TensorFlow lets them. device: as TensorFlow
    names them ("CPU", "GPU", "GPU:1"). num_threads is
    TensorFlow's for the whole process and so can only be given before it first runs anything.
    Raises CheckpointError for a damaged or foreign folder, ConfigError for an impossible device or
    num_threads.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        outputs: Sequence[str],
        device: str = "CPU",
        num_threads: int | None = None,
        positions: int | None = None,
    ) -> None:
        self.name = name
        if num_threads is not None:
            _set_threads(name, num_threads)
        self._device = _known_device(name, device)
        try:
            with tf.device(self._device):
                # The functions hold the variables weakly: the model must stay.
                self._model = tf.saved_model.load(str(path))
            self._function = self._model.signatures[SIGNATURE]
        except (OSError, KeyError, ValueError, tf.errors.OpError) as error:
            raise CheckpointError(
                f"{path}: not a SavedModel with signature {SIGNATURE!r} "
                f"({str(error).splitlines()[0]}); export or copy it again"
            ) from None
        inputs = self._function.structured_input_signature[1]
        self._inputs = list(inputs)
        check_names(name, self._inputs, self._function.structured_outputs, outputs)
        self._shape = FixedShape.of(
            name, (tensor.shape.as_list() for tensor in inputs.values()), positions
        )
        self.fixed_batch = self._shape.rows
        check_finite(((each.name, each.numpy()) for each in self._function.variables), str(path))
        self._outputs = outputs

    def __call__(self, batch: Batch) -> Logits:
        """The logits of `batch`, as in `Predictor`; DataError for a text too long for the file."""
        filled = self._shape.filled(batch)
        with tf.device(self._device):
            tensors = {name: tf.constant(filled[name]) for name in self._inputs}
            results = self._function(**tensors)
        return self._shape.cut({name: results[name].numpy() for name in self._outputs}, batch)


def _known_device(name: str, device: str) -> str:
    known = [d.name.removeprefix("/device:") for d in tf.config.list_logical_devices()]
    if not any(device in (each, each.partition(":")[0]) for each in known):
        raise ConfigError(
            f"{name}: TensorFlow has no device {device!r}; available: {', '.join(known)}"
        )
    return device


def _set_threads(name: str, num_threads: int) -> None:
    threading = tf.config.threading
    if threading.get_intra_op_parallelism_threads() == num_threads:
        return
    try:
        threading.set_intra_op_parallelism_threads(num_threads)
        threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        raise ConfigError(
            f"{name}: TensorFlow already runs in this process, num_threads={num_threads} comes too "
            "late; open it in a process of its own"
        ) from None
