"""The functional Keras model of an encoder and its head."""

from collections.abc import Sequence
from typing import Any

import keras

from bertline.modeling.config import ModelSpec
from bertline.modeling.families.base import EncoderConfig
from bertline.modeling.families.lookup import family_of
from bertline.modeling.heads import HEADS
from bertline.modeling.sites import FLOAT, Sites

INPUTS = ("input_ids", "input_mask", "segment_ids")


def build_model(
    spec: ModelSpec,
    dtype: Any = "float32",
    sites: Sites = FLOAT,
    with_sequence: bool = False,
) -> keras.Model:
    """A model with fresh weights.

    Inputs: dict of int32 [batch, length], named as INPUTS; padding has mask 0. Outputs: the dict of
    the head. dtype: a Keras dtype policy or its name ("float32", "mixed_bfloat16"). sites: what is
    done at the sites of quantization; by default nothing, whatever `spec` says of them.
    with_sequence: the encoder's last layer, "sequence", is an output too.
    """
    policy = keras.dtype_policies.get(dtype)
    inputs, encoded = _encoded(spec.encoder, policy, sites)
    outputs = HEADS[spec.head](encoded, spec, policy, sites)
    if with_sequence:
        outputs["sequence"] = encoded["sequence"]
    return keras.Model(inputs, outputs, name=spec.task)


def build_encoder(config: EncoderConfig, outputs: Sequence[str]) -> keras.Model:
    """An encoder alone, in float32 and with fresh weights; inputs as those of `build_model`.

    outputs: "pooled", "sequence" or both. Outputs: dict of what is asked for, float32
    pooled_output [batch, H] and sequence_output [batch, length, H].
    """
    inputs, encoded = _encoded(config, keras.dtype_policies.get("float32"), FLOAT)
    named = {f"{name}_output": encoded[name] for name in outputs}
    return keras.Model(inputs, named, name="encoder_alone")


def _encoded(
    config: EncoderConfig, policy: Any, sites: Sites
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inputs of a model, and what its encoder makes of them with the mask."""
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in INPUTS}
    encoder = family_of(config).encoder(config, sites, dtype=policy, name="encoder")
    encoded = encoder(inputs["input_ids"], inputs["input_mask"], inputs["segment_ids"])
    return inputs, {**encoded, "input_mask": inputs["input_mask"]}
