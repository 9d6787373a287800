import functools
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from bertline.modeling.fake_quant import fake_quantize, fake_quantize_kernel

Floats = NDArray[np.float32]

BOUNDS = st.floats(0, 2.0**20, width=32, allow_subnormal=False)
VALUES = arrays(
    np.float32, st.integers(1, 40), elements=st.floats(-3, 3, width=32, allow_subnormal=False)
)


def with_gradients(function: Any, x: Floats, low: float, high: float, g: Floats) -> list[Floats]:
    """The function's value and the gradients of x, low and high of sum(g · value)."""
    inputs = [tf.constant(value, tf.float32) for value in (x, low, high)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = function(*inputs)
    return [each.numpy() for each in (y, *tape.gradient(y, inputs, tf.constant(g)))]


def half_way(low: float, high: float) -> Floats:
    """The values between two levels of a range, where rounding is decided."""
    step = np.float32(high + low) / np.float32(255)
    return (-np.float32(low) + step * (np.arange(255, dtype=np.float32) + np.float32(0.5))).astype(
        np.float32
    )


@given(below=BOUNDS, above=BOUNDS, values=VALUES)
def test_it_is_tensorflow_s_operator_bit_for_bit(
    below: float, above: float, values: Floats
) -> None:
    assume(below + above > 1e-30 or below == above == 0)
    x = np.concatenate([values * np.float32(max(below, above, 1)), half_way(below, above)])
    g = np.cos(np.arange(len(x), dtype=np.float32))
    ours = with_gradients(fake_quantize, x, -below, above, g)
    theirs = with_gradients(tf.quantization.fake_quant_with_min_max_vars, x, -below, above, g)
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])
    # Sums, in an order of their own.
    np.testing.assert_allclose(ours[2:], theirs[2:], atol=1e-4)


@given(
    kernel=arrays(np.float32, (7, 3), elements=st.floats(-5, 5, width=32, allow_subnormal=False)),
    sizes=st.lists(st.sampled_from([1e-4, 1.0, 1e4]), min_size=3, max_size=3),
)
def test_kernels_are_those_of_tensorflow_s_operator(kernel: Floats, sizes: list[float]) -> None:
    kernel = (kernel * np.array(sizes)).astype(np.float32)
    reach = np.abs(kernel).max(axis=0)
    assume(((reach == 0) | (reach > 1e-30)).all())
    theirs = tf.quantization.fake_quant_with_min_max_vars_per_channel(
        kernel, -reach, reach, narrow_range=True
    )
    np.testing.assert_array_equal(fake_quantize_kernel(tf.constant(kernel)), theirs)


@given(below=BOUNDS, above=BOUNDS)
def test_zero_is_a_level_and_nothing_moves_twice(below: float, above: float) -> None:
    assume(below + above > 1e-30)
    x = tf.constant([0.0, -below, above, above / 3, -below / 7], tf.float32)
    once = fake_quantize(x, -below, above)
    assert once[0] == 0.0
    np.testing.assert_array_equal(fake_quantize(once, -below, above), once)
    step = (below + above) / 255
    # One step more than half of one, since the range itself moves by up to half of one.
    assert np.abs(once - x).max() <= 1.001 * step


def test_by_hand() -> None:
    # Steps of 0.1 from -5.1 to 20.4.
    x = np.array([-6.0, -5.1, 0.04, 0.06, 20.4, 30.0], np.float32)
    g = np.array([1, 2, 4, 8, 16, 32], np.float32)
    y, to_x, to_low, to_high = with_gradients(fake_quantize, x, -5.1, 20.4, g)
    np.testing.assert_allclose(y, [-5.1, -5.1, 0.0, 0.1, 20.4, 20.4], rtol=1e-6)
    np.testing.assert_array_equal(to_x, [0, 2, 4, 8, 16, 0])
    assert (float(to_low), float(to_high)) == (1, 32)


def test_the_step_learns_from_errors_of_rounding_by_hand() -> None:
    quantize = functools.partial(fake_quantize, learns_step=True)
    # 0.04 becomes 0 and 0.06 becomes 0.1: errors of -0.04 and 0.04 in a range of 25.5.
    x, g = np.array([0.04, 0.06, 30.0], np.float32), np.array([1, 3, 5], np.float32)
    _, to_x, to_low, to_high = with_gradients(quantize, x, -5.1, 20.4, g)
    np.testing.assert_array_equal(to_x, [1, 3, 0])
    error = (-0.04 + 3 * 0.04) / 25.5
    np.testing.assert_allclose([to_low, to_high], [-error, 5 + error], rtol=1e-4)


@pytest.mark.parametrize("learns_step", [False, True])
def test_gradients_of_bounds_are_finite_differences(learns_step: bool) -> None:
    """Of what is rounded, with errors of rounding held at so many steps, or at their size."""
    random = np.random.default_rng(0)
    x = random.normal(size=200) * 3
    g = random.normal(size=200)
    low, high = -2.0, 4.0

    def steps(low: float, high: float) -> float:
        return (high - low) / 255

    clipped = np.clip(x, low, high)
    errors = np.round((clipped - low) / steps(low, high)) - (clipped - low) / steps(low, high)

    def loss(low: float, high: float) -> float:
        rounded = np.clip(x, low, high)
        inside = (x >= low) & (x <= high)
        if learns_step:
            rounded = rounded + inside * errors * steps(low, high)
        return float((g * rounded).sum())

    width = 1e-6
    expected = [
        (loss(low + width, high) - loss(low - width, high)) / (2 * width),
        (loss(low, high + width) - loss(low, high - width)) / (2 * width),
    ]
    *_, to_low, to_high = with_gradients(
        functools.partial(fake_quantize, learns_step=learns_step),
        x.astype(np.float32),
        low,
        high,
        g.astype(np.float32),
    )
    # -2 … 4 is moved by 0 to the nearest level: 0.01 at most.
    np.testing.assert_allclose([to_low, to_high], expected, rtol=0.02, atol=0.02)


def test_the_gradient_of_a_kernel_is_straight_through() -> None:
    kernel = tf.Variable([[0.3, 0.0], [-1.0, 0.0]])
    with tf.GradientTape() as tape:
        y = fake_quantize_kernel(kernel)
    np.testing.assert_allclose(y, np.array([[38 / 127, 0], [-1, 0]]), rtol=1e-6)
    g = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(g * fake_quantize_kernel(kernel))
    np.testing.assert_array_equal(tape.gradient(total, kernel), g)


def test_it_keeps_the_type_and_computes_in_float32() -> None:
    x = tf.constant([0.3, 7.0], tf.bfloat16)
    y = fake_quantize(x, tf.constant(0.0), tf.constant(1.0))
    assert y.dtype == tf.bfloat16
    expected = tf.cast(tf.constant([77 / 255, 1.0]), tf.bfloat16)
    assert (y == expected).numpy().tolist() == [True, True]
