"""The functional Keras model of an encoder and its head."""

from typing import Any

import keras

from bertline.modeling.config import ModelSpec
from bertline.modeling.encoder import Encoder
from bertline.modeling.heads import HEADS

INPUTS = ("input_ids", "input_mask", "segment_ids")


def build_model(spec: ModelSpec, dtype: Any = "float32") -> keras.Model:
    """A model with fresh weights.

    Inputs: dict of int32 [batch, length], named as INPUTS; padding has mask 0. Outputs: the dict of
    the head. dtype: a Keras dtype policy or its name ("float32", "mixed_bfloat16").
    """
    policy = keras.dtype_policies.get(dtype)
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in INPUTS}
    encoder = Encoder(spec.encoder, dtype=policy, name="encoder")
    encoded = encoder(inputs["input_ids"], inputs["input_mask"], inputs["segment_ids"])
    return keras.Model(inputs, HEADS[spec.head](encoded, spec, policy), name=spec.task)
