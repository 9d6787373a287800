"""A graph as LiteRT (TFLite) files, with batch 1 and dynamic length unless told otherwise."""

from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from bertline.export.graph import SIGNATURE, Graph, Shape


class LiteRtExporter:
    """Converts one graph, frozen once, to LiteRT files of any precision.

    The signature serving_default takes the graph's inputs by name, by default [1, length], and
    gives its outputs by name; the caller resizes open inputs to the length it needs. scratch: a
    folder for a graph of the network's size.
    """

    def __init__(self, graph: Graph, scratch: Path, shape: Shape = (1, None)) -> None:
        self._frozen = str(scratch / "frozen")
        save_frozen(graph, self._frozen, shape)

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


def save_frozen(graph: Graph, folder: str, shape: Shape) -> None:
    """Writes a SavedModel of the graph to `folder`, its variables constants, its inputs of `shape`.

    Outputs keep their names.
    """
    # From a graph with variables the converter makes a small file without weights, and no error.
    function = graph.serving_function(shape).get_concrete_function()
    frozen = convert_variables_to_constants_v2(function)
    shapes = {name: output.shape for name, output in function.structured_outputs.items()}
    taken = function.inputs[: len(graph.inputs)]  # variables come after
    specs = [
        tf.TensorSpec(tensor.shape, tensor.dtype, name)
        for name, tensor in zip(graph.inputs, taken, strict=True)
    ]

    @tf.function(input_signature=specs)  # type: ignore[untyped-decorator]
    def serve(*tensors: Any) -> dict[str, Any]:
        # Freezing renames the outputs and keeps their order, that of the sorted names.
        return {
            name: tf.ensure_shape(value, shapes[name])
            for name, value in zip(sorted(shapes), frozen(*tensors), strict=True)
        }

    module = tf.Module()
    module.serve = serve
    tf.saved_model.save(module, folder, signatures={SIGNATURE: serve})
