"""What the head of a checkpoint is, and the names of its classes."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from bertline.artifacts import Document
from bertline.errors import CheckpointError
from bertline.modeling.weights import Tensors

SUPPORTED = ("classifier", "answer_span")
_ARCHITECTURES = {
    "ForSequenceClassification": "classifier",
    "ForTokenClassification": "token classifier",
    "ForMultipleChoice": "multiple choice",
}
"""How the name of the class that wrote a Hugging Face checkpoint ends → what its head is."""
_PROBLEMS = {
    "multi_label_classification": "multi-label classifier",
    "regression": "regression",
}


class HeadSpec(Document):
    """The head of an encoder artifact.

    name: one of SUPPORTED, or the name of an unsupported kind. classes: in the order of the logits.
    is_certain: False if the checkpoint does not say whether it classifies texts or tokens.
    """

    file_name: ClassVar[str] = "head.json"
    name: str
    classes: tuple[str, ...] = ()
    is_certain: bool = True

    @property
    def is_supported(self) -> bool:
        """Whether the encoder and this head can become a model."""
        return self.name in SUPPORTED


def head_of(
    tensors: Tensors, values: Mapping[str, Any], where: str, has_pooler: bool
) -> HeadSpec | None:
    """The head of a checkpoint; None if it has none but those of pre-training.

    tensors: by our paths. values: of config.json; empty for TF1 checkpoints, whose config does not
    describe heads. has_pooler: whether the encoder gives a pooled output. Raises CheckpointError,
    naming the place `where`, if values and tensors contradict each other.
    """
    if "label_dense/bias" not in tensors:
        return HeadSpec(name="answer_span") if "span_dense/bias" in tensors else None
    count = len(tensors["label_dense/bias"])
    architectures = [str(name) for name in _list(values.get("architectures"))]
    names = [
        head
        for architecture in architectures
        for ending, head in _ARCHITECTURES.items()
        if architecture.endswith(ending)
    ]
    if not names and not has_pooler:
        # A classifier of texts reads the pooled output.
        names = ["token classifier"]
    name = names[0] if names else "classifier"
    if name == "classifier":
        name = _PROBLEMS.get(str(values.get("problem_type")), "regression" if count == 1 else name)
    if name not in SUPPORTED:
        return HeadSpec(name=name)
    if not has_pooler:
        raise CheckpointError(f"{where}: a classifier without a pooler; give all its weights")
    return HeadSpec(name=name, classes=_classes(values, count, where), is_certain=bool(names))


def _classes(values: Mapping[str, Any], count: int, where: str) -> tuple[str, ...]:
    """The names in id2label, or numbers."""
    num_labels = values.get("num_labels", count)
    if num_labels != count:
        raise CheckpointError(f"{where}: num_labels is {num_labels}, the head has {count} classes")
    labels = values.get("id2label")
    if labels is None:
        return tuple(map(str, range(count)))
    if not isinstance(labels, dict) or set(labels) != set(map(str, range(count))):
        raise CheckpointError(
            f"{where}: id2label does not name the classes 0 to {count - 1} of the head; correct it"
        )
    names = tuple(str(labels[str(number)]) for number in range(count))
    if len(set(names)) < count:
        raise CheckpointError(f"{where}: id2label gives two classes one name; correct it")
    return names


def _list(value: object) -> Collection[object]:
    return value if isinstance(value, list) else ()
