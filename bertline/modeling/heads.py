"""Heads: what turns an encoder's output into the answers of a task."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from bertline.modeling.config import ModelSpec
from bertline.modeling.layers import truncated_normal
from bertline.modeling.sites import FLOAT, Sites


class HeadDense(keras.layers.Dense):  # type: ignore[misc]
    """The dense layer of a head, a part of its own with one site."""

    def __init__(self, units: int, spec: ModelSpec, sites: Sites, **kwargs: Any) -> None:
        super().__init__(units, kernel_initializer=truncated_normal(spec.encoder), **kwargs)
        self.sites = sites.part(self.name)

    def call(self, x: Any, input_mask: Any, training: bool = False) -> Any:
        """The logits of `x`; input_mask: that of the tokens, [B, L]."""
        at = self.sites.open(input_mask, training)
        y = at("logits", ops.add(ops.matmul(x, at.kernel(self.kernel)), self.bias))
        self.sites.collect(at.seen)
        return y


def intent_slots(
    encoded: Mapping[str, Any], spec: ModelSpec, policy: Any, sites: Sites = FLOAT
) -> dict[str, Any]:
    """Joint intent and slot logits (Chen et al. 2019, https://arxiv.org/abs/1902.10909).

    Gives float32 intent_logits [B, intents] from the pooled output and slot_logits
    [B, L, tags] from every token.
    """

    def logits(output: str, classes: Sequence[str], name: str) -> Any:
        return _logits(encoded, output, spec, classes, policy, sites, name)

    return {
        "intent_logits": logits("pooled", spec.labels["intents"], "intent"),
        "slot_logits": logits("sequence", spec.labels["tags"], "slot"),
    }


def classifier(
    encoded: Mapping[str, Any], spec: ModelSpec, policy: Any, sites: Sites = FLOAT
) -> dict[str, Any]:
    """float32 label_logits [B, classes] from the pooled output (Devlin et al. 2018)."""
    classes = spec.labels["classes"]
    logits = _logits(encoded, "pooled", spec, classes, policy, sites, "label")
    return {"label_logits": logits}


def answer_span(
    encoded: Mapping[str, Any], spec: ModelSpec, policy: Any, sites: Sites = FLOAT
) -> dict[str, Any]:
    """float32 start_logits and end_logits [B, L]: of the answer's first and last token.

    Devlin et al. 2018; position 0, [CLS], stands for no answer. Without dropout, as there.
    """
    dense = HeadDense(2, spec, sites, dtype=policy, name="span_dense")
    both = dense(encoded["sequence"], encoded["input_mask"])
    return {
        name: keras.layers.Activation("linear", dtype="float32", name=name)(both[..., number])
        for number, name in enumerate(("start_logits", "end_logits"))
    }


def _logits(
    encoded: Mapping[str, Any],
    output: str,
    spec: ModelSpec,
    classes: Sequence[str],
    policy: Any,
    sites: Sites,
    name: str,
) -> Any:
    x = keras.layers.Dropout(
        spec.encoder.hidden_dropout_prob, dtype=policy, name=f"{name}_dropout"
    )(encoded[output])
    dense = HeadDense(len(classes), spec, sites, dtype=policy, name=f"{name}_dense")
    # The cast gives the output its name and, under bfloat16, a float32 loss.
    activation = keras.layers.Activation("linear", dtype="float32", name=f"{name}_logits")
    return activation(dense(x, encoded["input_mask"]))


HEADS = {"intent_slots": intent_slots, "classifier": classifier, "answer_span": answer_span}
