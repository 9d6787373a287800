"""A graph as LiteRT (TFLite) files, with batch 1 and dynamic length by default."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from bertline.export.graph import Graph, Shape
from bertline.export.saved_model import export_saved_model


class LiteRtExporter:
    """Converts one graph, saved once, to LiteRT files of any precision.

    The signature serving_default takes the graph's inputs by name, by default [1, length], and
    gives its outputs by name; the caller resizes open inputs to the length it needs. scratch: a
    folder for a graph of the network's size.
    """

    def __init__(self, graph: Graph, scratch: Path, shape: Shape = (1, None)) -> None:
        self._saved_model = scratch / "litert"
        export_saved_model(graph, self._saved_model, shape)

    def export(self, precision: str, path: Path) -> None:
        """Writes the file of precision "float32", "float16" or "dynamic_int8".

        float16 stores weights in 16 bits; dynamic_int8 stores weights in 8 bits and quantizes the
        inputs of matrix products as they come.
        """
        converter = open_converter(self._saved_model)
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        path.write_bytes(converter.convert())


def open_converter(saved_model: Path) -> Any:
    """TensorFlow's converter of a SavedModel folder, set to make variables constants."""
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    # By default it makes resources of them: a small file without weights, and no error.
    converter.experimental_enable_resource_variables = False
    return converter
