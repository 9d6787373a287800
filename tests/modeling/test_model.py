import keras
import numpy as np
import pytest

from bertline.features.batches import MODEL_INPUTS
from bertline.modeling.families.bert.shapes import encoder_shapes
from bertline.modeling.model import build_model
from tests.modeling.toys import batch_of, toy_config, toy_spec

SPEC = toy_spec()


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return build_model(SPEC)


def test_inputs_are_named_int32_of_any_size(model: keras.Model) -> None:
    assert [(tensor.name, tensor.dtype, tensor.shape) for tensor in model.inputs] == [
        (name, "int32", (None, None)) for name in MODEL_INPUTS
    ]


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_the_heads_give_float32_logits_by_name(dtype: str) -> None:
    outputs = build_model(SPEC, dtype)(batch_of([2, 5, 6, 3], [2, 7, 3], length=8))
    found = {name: (tuple(logits.shape), logits.dtype.name) for name, logits in outputs.items()}
    assert found == {"intent_logits": ((2, 2), "float32"), "slot_logits": ((2, 8, 3), "float32")}


def test_weights_are_the_encoder_s_and_the_heads(model: keras.Model) -> None:
    heads = {
        "intent_dense/kernel": (8, 2),
        "intent_dense/bias": (2,),
        "slot_dense/kernel": (8, 3),
        "slot_dense/bias": (3,),
    }
    found = {variable.path: tuple(variable.shape) for variable in model.trainable_variables}
    assert found == encoder_shapes(toy_config()) | heads


def test_logits_are_linear_in_what_the_encoder_says(model: keras.Model) -> None:
    batch = batch_of([2, 5, 6, 3], length=4)
    encoded = model.get_layer("encoder")(*(batch[name] for name in MODEL_INPUTS))
    outputs = model(batch)
    for name, source in (("intent", "pooled"), ("slot", "sequence")):
        dense = model.get_layer(f"{name}_dense")
        expected = np.asarray(encoded[source]) @ np.asarray(dense.kernel) + np.asarray(dense.bias)
        np.testing.assert_allclose(outputs[f"{name}_logits"], expected, atol=1e-5)
