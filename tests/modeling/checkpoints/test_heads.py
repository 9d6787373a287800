"""A head is what the checkpoint says, or what its weights allow, and nothing else."""

from typing import Any

import numpy as np
import pytest

from bertline.errors import CheckpointError
from bertline.modeling.checkpoints.heads import HeadSpec, head_of
from tests.modeling.toys import Arrays

CLASSIFIER = "BertForSequenceClassification"


def dense(count: int) -> Arrays:
    return {"label_dense/bias": np.zeros(count, np.float32)}


def labels(*names: str) -> dict[str, str]:
    return {str(number): name for number, name in enumerate(names)}


@pytest.mark.parametrize(
    ("values", "count", "name"),
    [
        ({"architectures": ["BertForTokenClassification"]}, 3, "token classifier"),
        ({"architectures": ["TFBertForTokenClassification"]}, 3, "token classifier"),
        ({"architectures": ["BertForMultipleChoice"]}, 1, "multiple choice"),
        (
            {"architectures": [CLASSIFIER], "problem_type": "multi_label_classification"},
            3,
            "multi-label classifier",
        ),
        ({"architectures": [CLASSIFIER], "problem_type": "regression"}, 2, "regression"),
        ({"architectures": [CLASSIFIER]}, 1, "regression"),
        ({}, 1, "regression"),
    ],
)
def test_heads_that_are_not_supported(values: dict[str, Any], count: int, name: str) -> None:
    head = head_of(dense(count), values, "here", has_pooler=True)
    assert head == HeadSpec(name=name)
    assert not head.is_supported


def test_without_a_pooler_tokens_are_classified() -> None:
    assert head_of(dense(3), {}, "here", has_pooler=False) == HeadSpec(name="token classifier")
    with pytest.raises(CheckpointError, match="here: a classifier without a pooler; give all its"):
        head_of(dense(3), {"architectures": [CLASSIFIER]}, "here", has_pooler=False)


@pytest.mark.parametrize(
    ("architectures", "is_certain"),
    [([CLASSIFIER], True), (["BertModel"], False), (["MyBert"], False), (None, False)],
)
def test_a_classifier_is_certain_where_it_is_said(architectures: Any, is_certain: bool) -> None:
    head = head_of(dense(3), {"architectures": architectures}, "here", has_pooler=True)
    assert head == HeadSpec(name="classifier", classes=("0", "1", "2"), is_certain=is_certain)
    assert head.is_supported


def test_classes_have_the_names_of_id2label_by_number() -> None:
    names = {"1": "good", "10": "k", "0": "bad", **{str(n): f"n{n}" for n in range(2, 10)}}
    values = {"architectures": [CLASSIFIER], "id2label": names}
    head = head_of(dense(11), values, "here", has_pooler=True)
    assert head and head.classes == ("bad", "good", *(f"n{n}" for n in range(2, 10)), "k")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"id2label": labels("a", "b")}, "id2label does not name the classes 0 to 2 of the head"),
        ({"id2label": {"a": "0", "b": "1", "c": "2"}}, "id2label does not name the classes"),
        ({"id2label": ["a", "b", "c"]}, "id2label does not name the classes"),
        ({"id2label": labels("a", "b", "a")}, "id2label gives two classes one name; correct it"),
        ({"num_labels": 2}, "num_labels is 2, the head has 3 classes"),
    ],
)
def test_names_that_do_not_fit_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        head_of(dense(3), {"architectures": [CLASSIFIER], **values}, "here", has_pooler=True)


def test_other_heads() -> None:
    span: Arrays = {"span_dense/bias": np.zeros(2, np.float32)}
    assert head_of(span, {}, "here", has_pooler=False) == HeadSpec(name="answer_span")
    assert head_of({"nsp/bias": np.zeros(2, np.float32)}, {}, "here", has_pooler=True) is None
