"""The facts of an OpenVINO IR file, as compiled for the CPU of this machine.

What OpenVINO runs is not what the file says: operations are fused and precisions chosen when it is
compiled. Total MACs are those of the file's matrix products, integer ones those that the compiled
model runs with 8-bit inputs; a product that a fusion has swallowed (attention) is not among these.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from bertline.errors import CheckpointError
from bertline.export.inspection import DEFAULT_LENGTH, Inspection
from bertline.export.instruction_sets import openvino_properties

PRODUCTS = {"FullyConnected", "MatMul", "Convolution"}
INTEGERS = {"i8", "u8"}
CONSTANTS = {"Const", "Constant"}


def inspect_openvino(path: Path, length: int | None = None) -> Inspection:
    """See `inspection.inspect`."""
    core = openvino.Core()
    try:
        model = core.read_model(path)
        chosen = _set_length(model, length)
        compiled = core.compile_model(model, "CPU", openvino_properties())
    except RuntimeError as error:
        raise CheckpointError(
            f"{path}: not an OpenVINO model ({str(error).strip().splitlines()[-1]}); "
            "export or copy it again"
        ) from None
    nodes = [(node, _facts(node)) for node in compiled.get_runtime_model().get_ops()]
    computed = [(node, facts) for node, facts in nodes if facts["layerType"] not in CONSTANTS]
    floats = [node for node, _ in computed if any(_is_float(port) for port in node.outputs())]
    return Inspection(
        runtime="openvino",
        length=chosen,
        operators=dict(Counter(facts["layerType"] for _, facts in computed)),
        float_tensors=tuple(node.get_friendly_name() for node in floats),
        float_activation_bytes=sum(
            _size_bytes(port) for node in floats for port in node.outputs() if _is_float(port)
        ),
        float_constant_bytes=sum(
            _size_bytes(node.output(0))
            for node in model.get_ops()
            if node.get_type_name() == "Constant" and _is_float(node.output(0))
        ),
        macs=sum(_macs(node, node.get_type_name()) for node in model.get_ops()),
        integer_macs=sum(
            _macs(node, facts["layerType"])
            for node, facts in computed
            if facts["runtimePrecision"] in INTEGERS
        ),
    )


def _set_length(model: openvino.Model, length: int | None) -> int:
    """Fixes the inputs [batch, length] to one text of this length, which it returns."""
    sizes = [port.partial_shape[1] for port in model.inputs]
    fixed = max((size.get_length() for size in sizes if size.is_static), default=0)
    chosen = fixed or length or DEFAULT_LENGTH
    model.reshape({port: [1, chosen] for port in model.inputs})
    return chosen


def _facts(node: Any) -> dict[str, str]:
    told = node.get_rt_info()
    return {name: told[name].astype(str) for name in ("layerType", "runtimePrecision")}


def _is_float(port: Any) -> bool:
    return bool(port.get_element_type().is_real())


def _size_bytes(port: Any) -> int:
    return int(np.prod(port.get_shape())) * int(port.get_element_type().bitwidth) // 8


def _macs(node: Any, kind: str) -> int:
    """The multiply-accumulates of a matrix product, a convolution or both products of attention."""
    outputs = int(np.prod(node.output(0).get_shape()))
    if kind == "ScaledDotProductAttention":
        query, key = (node.input(number).get_shape() for number in (0, 1))
        return int(key[-2]) * (int(np.prod(query)) + outputs)
    if kind not in PRODUCTS:
        return 0
    if kind == "Convolution":
        return outputs * int(np.prod(node.input(1).get_shape()[1:]))
    transposed = node.get_attributes().get("transpose_a", False)
    return outputs * int(node.input(0).get_shape()[-2 if transposed else -1])
