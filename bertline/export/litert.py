"""A network as LiteRT (TFLite) files with batch 1 and dynamic length."""

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from bertline.export.saved_model import serving_function
from bertline.features.batches import MODEL_INPUTS


class LiteRtExporter:
    """Converts one network, frozen once, to LiteRT files of any precision.

    The signature serving_default takes int32 [1, length] under the names of MODEL_INPUTS and gives
    float32 outputs by name; the caller resizes the inputs to the length it needs. scratch: a folder
    for a graph of the network's size.
    """

    def __init__(self, network: keras.Model, scratch: Path) -> None:
        self._frozen = str(scratch / "frozen")
        _save_frozen(network, self._frozen)

    def export(self, precision: str, path: Path) -> None:
        """Writes the file of precision "float32", "float16" or "dynamic_int8".

        float16 stores weights in 16 bits; dynamic_int8 stores weights in 8 bits and quantizes the
        inputs of matrix products as they come.
        """
        converter = tf.lite.TFLiteConverter.from_saved_model(self._frozen)
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        path.write_bytes(converter.convert())


def _save_frozen(network: keras.Model, folder: str) -> None:
    # From a graph with variables the converter makes a small file without weights, and no error.
    function = serving_function(network, batch=1).get_concrete_function()
    frozen = convert_variables_to_constants_v2(function)
    shapes = {name: output.shape for name, output in function.structured_outputs.items()}

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[tf.TensorSpec((1, None), tf.int32, n) for n in MODEL_INPUTS]
    )
    def serve(input_ids: Any, input_mask: Any, segment_ids: Any) -> dict[str, Any]:
        # Freezing renames the outputs and keeps their order, that of the sorted names.
        outputs = frozen(input_ids, input_mask, segment_ids)
        return {
            name: tf.ensure_shape(value, shapes[name])
            for name, value in zip(sorted(shapes), outputs, strict=True)
        }

    module = tf.Module()
    module.serve = serve
    tf.saved_model.save(module, folder, signatures={"serving_default": serve})
