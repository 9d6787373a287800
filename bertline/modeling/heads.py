"""Heads: what turns an encoder's output into the answers of a task."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from bertline.modeling.config import ModelSpec
from bertline.modeling.encoder import dense_layer


def intent_slots(encoded: Mapping[str, Any], spec: ModelSpec, policy: Any) -> dict[str, Any]:
    """Joint intent and slot logits (Chen et al. 2019, https://arxiv.org/abs/1902.10909).

    Gives float32 intent_logits [B, intents] from the pooled output and slot_logits
    [B, L, tags] from every token.
    """
    return {
        "intent_logits": _logits(encoded["pooled"], spec, spec.labels["intents"], policy, "intent"),
        "slot_logits": _logits(encoded["sequence"], spec, spec.labels["tags"], policy, "slot"),
    }


def _logits(x: Any, spec: ModelSpec, classes: Sequence[str], policy: Any, name: str) -> Any:
    x = keras.layers.Dropout(
        spec.encoder.hidden_dropout_prob, dtype=policy, name=f"{name}_dropout"
    )(x)
    x = dense_layer(len(classes), spec.encoder, policy, f"{name}_dense")(x)
    # The cast gives the output its name and, under bfloat16, a float32 loss.
    return keras.layers.Activation("linear", dtype="float32", name=f"{name}_logits")(x)


HEADS = {"intent_slots": intent_slots}
