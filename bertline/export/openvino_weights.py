"""Weights of an OpenVINO model that NNCF has quantized, as bytes that every CPU can multiply.

Without VNNI a processor multiplies bytes of activations (0 … 255) by those of weights and sums the
products of two neighbours in 16 bits; a sum beyond 32,767 is cut off. With |w₁ + w₂| ≤ 128 for all
neighbours none is: 255 · 128 = 32,640 (docs/decisions/0014).
"""

from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as opset

LARGEST = 127
LARGEST_SUM = 127
"""Of two neighbours before rounding, which adds 1 at most."""


def store_weights(model: ov.Model, overflow_safe: bool = True) -> None:
    """Replaces each FakeQuantize of weights by bytes and the step of each row or column.

    overflow_safe: steps of weights in matrix products are widened where neighbours would overflow.
    """
    for node in model.get_ops():
        weights = constant_of(node.input_value(0)) if node.get_input_size() else None
        if node.get_type_name() != "FakeQuantize" or weights is None:
            continue
        targets = node.output(0).get_target_inputs()
        steps = constant_of(node.input_value(2)) / LARGEST
        for target in targets if overflow_safe else ():
            if target.get_node().get_type_name() == "MatMul":
                steps = steps * widening(weights / steps, _summed_axis(target))
        stored = _bytes_times_steps(weights, steps)
        stored.get_node().set_friendly_name(node.get_friendly_name())
        for target in targets:
            target.replace_source_output(stored)


def widening(levels: NDArray[Any], axis: int) -> NDArray[Any]:
    """How many times wider the steps of unrounded `levels` must be, so that no sum overflows.

    axis: along which products are summed, 0 or 1; the result has size 1 there.
    """
    even, odd = (np.take(levels, range(start, levels.shape[axis], 2), axis) for start in (0, 1))
    sums = np.abs(np.take(even, range(odd.shape[axis]), axis) + odd)
    largest: NDArray[Any] = sums.max(axis=axis, keepdims=True, initial=LARGEST_SUM)
    return largest / LARGEST_SUM


def constant_of(output: ov.Output) -> Any:
    """The float64 values of a constant, converted or not; None where it is none."""
    node = output.get_node()
    if node.get_type_name() == "Convert":
        return constant_of(node.input_value(0))
    return node.data.astype(np.float64) if node.get_type_name() == "Constant" else None


def _summed_axis(target: ov.Input) -> int:
    """Along which axis of this input a matrix product sums."""
    node, port = target.get_node(), target.get_index()
    is_transposed = node.get_attributes()["transpose_b" if port else "transpose_a"]
    return int(is_transposed == bool(port))


def _bytes_times_steps(weights: NDArray[Any], steps: NDArray[Any]) -> ov.Output:
    levels = np.clip(np.rint(weights / steps), -LARGEST, LARGEST).astype(np.int8)
    as_float = opset.convert(opset.constant(levels), np.float32)
    return opset.multiply(as_float, opset.constant(steps.astype(np.float32))).output(0)
