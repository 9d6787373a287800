import math
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bertline.features.batches import MODEL_INPUTS
from bertline.modeling.families.bert.encoder import Encoder
from bertline.modeling.families.bert.shapes import encoder_shapes
from bertline.modeling.layers import LayerNorm, gelu_erf, gelu_tanh
from bertline.modeling.weights import assign, tensors_of
from tests.modeling.toys import batch_of, toy_config

CONFIG = toy_config()


def fresh(dtype: str = "float32", **changes: Any) -> Encoder:
    encoder = Encoder(toy_config(**changes), dtype=dtype, name="encoder")
    encoder.build()
    return encoder


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    keras.utils.set_random_seed(1)
    return fresh()


def run(encoder: Encoder, batch: dict[str, NDArray[np.int32]]) -> dict[str, Any]:
    outputs = encoder(*(batch[name] for name in MODEL_INPUTS))
    arrays = {name: np.asarray(outputs[name]) for name in ("sequence", "pooled")}
    return arrays | {"hidden_states": [np.asarray(state) for state in outputs["hidden_states"]]}


def test_shapes_tell_the_variables_without_making_them(encoder: Encoder) -> None:
    assert {v.path: tuple(v.shape) for v in encoder.variables if "seed" not in v.path} == (
        encoder_shapes(CONFIG)
    )


def test_layer_norm_by_hand() -> None:
    norm = LayerNorm(4, epsilon=1.75)
    norm.build((None, 4))
    norm.gamma.assign([1.0, 1.0, 1.0, 2.0])
    norm.beta.assign([0.0, 0.5, 0.0, 5.0])
    # Mean 4, variance 4.5, and √(4.5 + 1.75) = 2.5.
    found = np.asarray(norm(np.array([[1.0, 4.0, 4.0, 7.0]])))
    np.testing.assert_allclose(found, [[-1.2, 0.5, 0.0, 7.4]], atol=1e-6)


def test_both_forms_of_gelu() -> None:
    x = np.array([-3.0, -1.0, 0.0, 0.5, 2.0])
    exact = [value * (1 + math.erf(value / math.sqrt(2))) / 2 for value in x]
    np.testing.assert_allclose(np.asarray(gelu_erf(x)), exact, atol=1e-6)
    # Values of Google's formula, worked out apart; they are not those of the exact form.
    approximate = [-0.003637, -0.158808, 0.0, 0.345714, 1.954598]
    np.testing.assert_allclose(np.asarray(gelu_tanh(x)), approximate, atol=1e-6)
    assert np.abs(np.array(exact) - approximate).max() > 1e-4


def test_what_comes_out(encoder: Encoder) -> None:
    outputs = run(encoder, batch_of([2, 5, 6, 3], [2, 7, 3], length=8))
    assert outputs["sequence"].shape == (2, 8, 8)
    assert outputs["pooled"].shape == (2, 8)
    assert [state.shape for state in outputs["hidden_states"]] == [(2, 8, 8)] * 3
    np.testing.assert_array_equal(outputs["hidden_states"][-1], outputs["sequence"])
    pooler = outputs["sequence"][:, 0] @ np.asarray(encoder.pooler.kernel)
    np.testing.assert_allclose(outputs["pooled"], np.tanh(pooler), atol=1e-6)


def test_embeddings_are_the_normalized_sum_of_three(encoder: Encoder) -> None:
    outputs = run(encoder, batch_of([2, 9, 9, 3], length=4))
    tables = encoder.embeddings
    words, positions, segments = (
        np.asarray(table) for table in (tables.words, tables.positions, tables.segments)
    )
    total = words[[2, 9, 9, 3]] + positions[:4] + segments[[0, 0, 1, 1]]
    deviation = total.std(axis=-1, keepdims=True)
    expected = (total - total.mean(axis=-1, keepdims=True)) / deviation
    np.testing.assert_allclose(outputs["hidden_states"][0][0], expected, atol=1e-5)


token_ids = st.lists(st.integers(1, CONFIG.vocab_size - 1), min_size=2, max_size=12)


@settings(max_examples=20)
@given(ids=token_ids, more=st.integers(1, 20))
def test_padding_changes_nothing(encoder: Encoder, ids: list[int], more: int) -> None:
    exact = run(encoder, batch_of(ids, length=len(ids)))
    padded = run(encoder, batch_of(ids, length=len(ids) + more))
    for one, other in zip(exact["hidden_states"], padded["hidden_states"], strict=True):
        np.testing.assert_allclose(other[:, : len(ids)], one, atol=1e-5)
    np.testing.assert_allclose(padded["pooled"], exact["pooled"], atol=1e-5)


def test_other_rows_change_nothing(encoder: Encoder) -> None:
    alone = run(encoder, batch_of([2, 5, 3], length=8))
    among = run(encoder, batch_of([2, 9, 8, 7, 3], [2, 5, 3], length=8))
    np.testing.assert_allclose(among["sequence"][1], alone["sequence"][0], atol=1e-5)


def test_nothing_is_seen_of_a_masked_token(encoder: Encoder) -> None:
    def masked(word: int) -> Any:
        batch = batch_of([2, 5, word, 6, 3], length=5)
        batch["input_mask"][0, 2] = 0
        return run(encoder, batch)["sequence"][0, [0, 1, 3, 4]]

    np.testing.assert_allclose(masked(7), masked(20), atol=1e-5)
    seen = [run(encoder, batch_of([2, 5, word, 6, 3], length=5))["pooled"] for word in (7, 20)]
    assert np.abs(seen[0] - seen[1]).max() > 0.01


@pytest.mark.parametrize("part", ["input_ids", "segment_ids"])
def test_every_input_matters(encoder: Encoder, part: str) -> None:
    batch = batch_of([2, 5, 6, 3], length=4)
    changed = batch | {part: batch[part].copy()}
    changed[part][0, 1] = 1
    difference = run(encoder, batch)["pooled"] - run(encoder, changed)["pooled"]
    assert np.abs(difference).max() > 0.01


def test_dropout_only_while_training(encoder: Encoder) -> None:
    inputs = [batch_of([2, 5, 6, 3], length=4)[name] for name in MODEL_INPUTS]
    first, second = (np.asarray(encoder(*inputs, training=True)["pooled"]) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
    first, second = (np.asarray(encoder(*inputs)["pooled"]) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_bfloat16_is_near_float32(encoder: Encoder) -> None:
    half = fresh("mixed_bfloat16")
    assign(half.trainable_variables, tensors_of(encoder.trainable_variables), where="float32")
    assert {variable.dtype for variable in half.trainable_variables} == {"float32"}
    batch = batch_of([2, 5, 6, 3], [2, 7, 3], length=4)
    inputs = [batch[name] for name in MODEL_INPUTS]
    outputs = half(*inputs)
    assert outputs["sequence"].dtype.name == "bfloat16"
    found = np.asarray(outputs["sequence"], np.float32)[batch["input_mask"] == 1]
    expected = run(encoder, batch)["sequence"][batch["input_mask"] == 1]
    np.testing.assert_allclose(found, expected, atol=0.1)


@pytest.mark.parametrize("activation", ["gelu_tanh", "relu"])
def test_activations_are_of_the_config(encoder: Encoder, activation: str) -> None:
    other = fresh(hidden_act=activation)
    assign(other.trainable_variables, tensors_of(encoder.trainable_variables), where="gelu")
    batch = batch_of([2, 5, 6, 3], length=4)
    assert not np.array_equal(run(encoder, batch)["pooled"], run(other, batch)["pooled"])
