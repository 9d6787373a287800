"""Weights as bytes: their steps, and that no processor's sums of products overflow."""

from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray
from openvino import opset13 as opset

from bertline.export.instruction_sets import find_instruction_set
from bertline.export.openvino_weights import store_weights, widening
from tests.export.openvino_runs import product
from tests.limited import LIMITS, call

LARGE = np.full((8, 32), 127.0)
"""Each byte the largest: 255 · 127 + 255 · 127 = 64,770, where 16 bits end at 32,767."""


def test_steps_are_widened_by_the_largest_sum_of_neighbours() -> None:
    levels = np.array(
        [
            [127, 127, 0, 0],  # 254 / 127
            [0, 127, 127, 0],  # 127 twice, never together
            [127, -127, -100, -90],  # 0 and 190 / 127
            [1, 2, 3, 4],
        ],
        np.float64,
    )
    expected = np.array([2, 1, 190 / 127, 1])
    np.testing.assert_allclose(widening(levels, 1), expected[:, None])
    np.testing.assert_allclose(widening(levels.T, 0), expected[None])


def test_the_last_of_an_odd_number_has_no_neighbour() -> None:
    np.testing.assert_allclose(widening(np.array([[60.0, 60.0, 127.0]]), 1), [[1]])


def model_of(weights: NDArray[np.float64], transposed: bool) -> ov.Model:
    """x [1, inputs] of whole numbers 0 … 255 times quantized weights [units, inputs]."""
    x = opset.parameter([1, weights.shape[1]], np.float32)
    low, high = (opset.constant(np.float32(bound)) for bound in (0, 255))
    rounded = opset.fake_quantize(x, low, high, low, high, 256)
    reach = np.abs(weights).max(axis=1, keepdims=True).astype(np.float32)
    values, bounds = (
        (each if transposed else each.T).astype(np.float32) for each in (weights, reach)
    )
    least, most = opset.constant(-bounds), opset.constant(bounds)
    quantized = opset.fake_quantize(opset.constant(values), least, most, least, most, 255)
    return ov.Model([opset.matmul(rounded, quantized, False, transposed)], [x])


def write(weights: NDArray[np.float64], path: Path, overflow_safe: bool, transposed: bool) -> str:
    model = model_of(weights, transposed)
    store_weights(model, overflow_safe)
    ov.save_model(model, path)
    return str(path)


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize("limit", LIMITS)
def test_no_sum_overflows(limit: str | None, transposed: bool, tmp_path: Path) -> None:
    file = write(LARGE, tmp_path / "safe.xml", True, transposed)
    found = call(limit, product, file, [255.0] * 32)
    # 127 is 63.5 steps of 2, half to even: 64.
    np.testing.assert_allclose(found, 32 * 255 * 64 * 2, rtol=1e-3)


@pytest.mark.skipif(
    find_instruction_set("openvino").name == "aarch64", reason="oneDNN has no such limit there"
)
def test_without_that_sums_overflow_where_there_is_no_vnni(tmp_path: Path) -> None:
    file = write(LARGE, tmp_path / "full.xml", False, True)
    found = call("AVX2", product, file, [255.0] * 32)
    np.testing.assert_allclose(found, 16 * 32_767, rtol=1e-3)


def test_embeddings_keep_their_steps(tmp_path: Path) -> None:
    table = np.array([[127.0, 127.0], [1.0, 0.5]], np.float32)
    reach = np.abs(table).max(axis=1, keepdims=True)
    least, most = opset.constant(-reach), opset.constant(reach)
    rounded = opset.fake_quantize(opset.constant(table), least, most, least, most, 255)
    ids = opset.parameter([1], np.int32)
    model = ov.Model([opset.gather(rounded, ids, opset.constant(np.int32(0)))], [ids])
    store_weights(model)
    constants = [op for op in model.get_ops() if op.get_type_name() == "Constant"]
    (stored,) = (op.data for op in constants if op.get_element_type() == ov.Type.i8)
    assert stored.tolist() == [[127, 127], [127, 64]]
