"""A graph as a TensorFlow SavedModel."""

from pathlib import Path

import tensorflow as tf

from bertline.export.graph import OPEN, SIGNATURE, Graph, Shape


def export_saved_model(graph: Graph, path: Path, shape: Shape = OPEN) -> None:
    """Writes a SavedModel to `path` whose signature serving_default has inputs of this shape.

    A plain tf.Module holds the variables: Keras' own export stores them twice.
    """
    module = tf.Module()
    module.variables_of_graph = list(graph.variables)
    module.serve = graph.serving_function(shape)
    tf.saved_model.save(module, str(path), signatures={SIGNATURE: module.serve})
