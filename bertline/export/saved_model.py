"""A model folder's network as a TensorFlow SavedModel and as the graph other formats start from."""

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from bertline.features.batches import MODEL_INPUTS
from bertline.modeling.config import ModelSpec
from bertline.modeling.model import build_model
from bertline.modeling.weights import assign, load_weights


def load_network(folder: Path) -> keras.Model:
    """The network of a model folder in float32, with its saved weights."""
    network = build_model(ModelSpec.read(folder))
    file = folder / "weights.safetensors"
    assign(network.trainable_variables, load_weights(file), where=str(file))
    return network


def serving_function(network: keras.Model, batch: int | None = None) -> Any:
    """The network's inference as a tf.function.

    Inputs int32 [batch, None], named input_ids, input_mask, segment_ids; gives the dict of float32
    outputs. No dropout is in its graph.
    """
    signature = [tf.TensorSpec((batch, None), tf.int32, name=name) for name in MODEL_INPUTS]

    def serve(input_ids: Any, input_mask: Any, segment_ids: Any) -> dict[str, Any]:
        inputs = dict(zip(MODEL_INPUTS, (input_ids, input_mask, segment_ids), strict=True))
        outputs: dict[str, Any] = network(inputs, training=False)
        return outputs

    return tf.function(serve, input_signature=signature)


def export_saved_model(network: keras.Model, path: Path) -> None:
    """Writes a SavedModel to `path` with the signature serving_default of `serving_function`.

    A plain tf.Module holds the variables: Keras' own export stores them twice.
    """
    module = tf.Module()
    module.variables_of_network = [variable.value for variable in network.trainable_variables]
    module.serve = serving_function(network)
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})
