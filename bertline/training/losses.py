"""What each head is trained on: the columns of its targets and its loss."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from keras import ops

NOT_COUNTED = -1


@dataclass(frozen=True)
class Objective:
    """The training side of a head.

    example_targets, token_targets: feature columns with one class an example, one a token (class
    -1 is not counted). loss: (targets, outputs) → scalar float32. classes: output → its targets,
    for the accuracies that are shown while training. chooses_token: whether each output [B, L]
    stands for one of the tokens, and not for classes.
    """

    example_targets: tuple[str, ...]
    token_targets: tuple[str, ...]
    loss: Callable[[Mapping[str, Any], Mapping[str, Any]], Any]
    classes: Mapping[str, str]
    chooses_token: bool = False


def cross_entropy(logits: Any, classes: Any) -> Any:
    """Mean negative log-likelihood over the classes that are counted; 0 where none is.

    logits: [..., C]. classes: int [...], -1 where not counted.
    """
    counted = ops.cast(ops.not_equal(classes, NOT_COUNTED), "float32")
    losses = ops.sparse_categorical_crossentropy(
        ops.maximum(classes, 0), ops.cast(logits, "float32"), from_logits=True
    )
    return ops.sum(losses * counted) / ops.maximum(ops.sum(counted), 1.0)


def divergence(teacher: Any, student: Any, input_mask: Any, chooses_token: bool = False) -> Any:
    """Kullback-Leibler divergence of the student's distribution from the teacher's, a scalar.

    Logits [B, classes] are averaged over texts, [B, L, classes] over the tokens whose input_mask
    [B, L] is 1. chooses_token: the logits are [B, L], of a distribution over tokens of which
    padding is no part. Rows of padding alone do not count.
    """
    teacher, student = ops.cast(teacher, "float32"), ops.cast(student, "float32")
    weights = ops.cast(input_mask, "float32")
    if len(teacher.shape) == 2:
        weights = weights[:, 0]
    if chooses_token:
        unseen = -1e4 * (1.0 - ops.cast(input_mask, "float32"))
        teacher, student = teacher + unseen, student + unseen
    known, found = ops.log_softmax(teacher, axis=-1), ops.log_softmax(student, axis=-1)
    divergences = ops.sum(ops.exp(known) * (known - found), axis=-1)
    return ops.sum(divergences * weights) / ops.sum(weights)


def mean_square(teacher: Any, student: Any, input_mask: Any) -> Any:
    """Mean square difference of two [B, L, H] over the tokens whose input_mask is 1, a scalar."""
    difference = ops.cast(teacher, "float32") - ops.cast(student, "float32")
    squares = ops.mean(ops.square(difference), axis=-1)
    weights = ops.cast(input_mask, "float32")
    return ops.sum(squares * weights) / ops.sum(weights)


def _intent_slots_loss(targets: Mapping[str, Any], outputs: Mapping[str, Any]) -> Any:
    intent = cross_entropy(outputs["intent_logits"], targets["intent_id"][:, 0])
    return intent + cross_entropy(outputs["slot_logits"], targets["tag_ids"])


def _classifier_loss(targets: Mapping[str, Any], outputs: Mapping[str, Any]) -> Any:
    return cross_entropy(outputs["label_logits"], targets["label_id"][:, 0])


def _answer_span_loss(targets: Mapping[str, Any], outputs: Mapping[str, Any]) -> Any:
    start = cross_entropy(outputs["start_logits"], targets["start_position"][:, 0])
    return (start + cross_entropy(outputs["end_logits"], targets["end_position"][:, 0])) / 2


OBJECTIVES = {
    "intent_slots": Objective(
        example_targets=("intent_id",),
        token_targets=("tag_ids",),
        loss=_intent_slots_loss,
        classes={"intent_logits": "intent_id", "slot_logits": "tag_ids"},
    ),
    "classifier": Objective(
        example_targets=("label_id",),
        token_targets=(),
        loss=_classifier_loss,
        classes={"label_logits": "label_id"},
    ),
    "answer_span": Objective(
        example_targets=("start_position", "end_position"),
        token_targets=(),
        loss=_answer_span_loss,
        classes={"start_logits": "start_position", "end_logits": "end_position"},
        chooses_token=True,
    ),
}
