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


def classifier(encoded: Mapping[str, Any], spec: ModelSpec, policy: Any) -> dict[str, Any]:
    """float32 label_logits [B, classes] from the pooled output (Devlin et al. 2018)."""
    classes = spec.labels["classes"]
    return {"label_logits": _logits(encoded["pooled"], spec, classes, policy, "label")}


def answer_span(encoded: Mapping[str, Any], spec: ModelSpec, policy: Any) -> dict[str, Any]:
    """float32 start_logits and end_logits [B, L]: of the answer's first and last token.

    Devlin et al. 2018; position 0, [CLS], stands for no answer. Without dropout, as there.
    """
    both = dense_layer(2, spec.encoder, policy, "span_dense")(encoded["sequence"])
    return {
        name: keras.layers.Activation("linear", dtype="float32", name=name)(both[..., number])
        for number, name in enumerate(("start_logits", "end_logits"))
    }


def _logits(x: Any, spec: ModelSpec, classes: Sequence[str], policy: Any, name: str) -> Any:
    x = keras.layers.Dropout(
        spec.encoder.hidden_dropout_prob, dtype=policy, name=f"{name}_dropout"
    )(x)
    x = dense_layer(len(classes), spec.encoder, policy, f"{name}_dense")(x)
    # The cast gives the output its name and, under bfloat16, a float32 loss.
    return keras.layers.Activation("linear", dtype="float32", name=f"{name}_logits")(x)


HEADS = {"intent_slots": intent_slots, "classifier": classifier, "answer_span": answer_span}
