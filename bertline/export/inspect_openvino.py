"""The facts of an OpenVINO IR file, as compiled for the CPU of this machine.

What OpenVINO runs is not what the file says: operations are fused and precisions chosen when it is
compiled. Total MACs are those of the file's matrix products, integer ones those that the compiled
model runs with 8-bit inputs; a product that a fusion has swallowed (attention) is not among these.
Of a file with the tokenizer inside, what follows the tokenizer is compiled; the tokenizer
multiplies nothing.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from openvino import opset13 as opset

from bertline.errors import CheckpointError
from bertline.export.inspection import Inspection, lengths_to_try, too_long
from bertline.export.instruction_sets import openvino_properties
from bertline.export.openvino_core import core

PRODUCTS = {"FullyConnected", "MatMul", "Convolution"}
INTEGERS = {"i8", "u8"}
CONSTANTS = {"Const", "Constant"}
EXTENSION = "extension"
"""The operation set of openvino-tokenizers."""
LAST = "RaggedToDense"
"""The last operation of a tokenizer inside a model: it gives token ids and their mask."""


def inspect_openvino(path: Path, length: int | None = None) -> Inspection:
    """See `inspection.inspect`."""
    for tried in lengths_to_try(length):
        # Read again for each length: fixing one changes the model.
        model, custom = _network(path)
        try:
            batch, fixed = _fix_shape(model, tried)
            compiled = core().compile_model(model, "CPU", openvino_properties())
        except RuntimeError:
            continue
        break
    else:
        raise too_long(path, tried)
    nodes = [(node, _facts(node)) for node in compiled.get_runtime_model().get_ops()]
    computed = [(node, facts) for node, facts in nodes if facts["layerType"] not in CONSTANTS]
    floats = [node for node, _ in computed if any(_is_float(port) for port in node.outputs())]
    return Inspection(
        runtime="openvino",
        length=fixed,
        batch=batch,
        operators=dict(Counter(facts["layerType"] for _, facts in computed) + custom),
        custom_operators=tuple(sorted(custom)),
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


def _network(path: Path) -> tuple[openvino.Model, Counter[str]]:
    """The model without the tokenizer before it, if it has one, and this one's operations."""
    reader = openvino.Core()  # of its own, as extensions stay
    if f'version="{EXTENSION}"'.encode() in path.read_bytes():
        from bertline.export.text_input import extension

        reader.add_extension(str(extension()))
    try:
        model = reader.read_model(path)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path}: not an OpenVINO model ({str(error).strip().splitlines()[-1]}); "
            "export or copy it again"
        ) from None
    custom = [node for node in model.get_ops() if node.type_info.version_id == EXTENSION]
    kinds = Counter(node.get_type_name() for node in custom)
    inputs = [port for node in custom if node.get_type_name() == LAST for port in node.outputs()]
    if not inputs:
        return model, kinds
    tokens = [opset.parameter(port.partial_shape, port.get_element_type()) for port in inputs]
    for port, parameter in zip(inputs, tokens, strict=True):
        port.replace(parameter.output(0))
    return openvino.Model(model.get_results(), tokens), kinds


def _fix_shape(model: openvino.Model, length: int) -> tuple[int, int]:
    """Fixes all inputs to [batch, length], which it returns; what the file fixes stays.

    Raises RuntimeError where the model does not take this length.
    """
    sizes = zip(*(port.partial_shape for port in model.inputs), strict=True)
    shape = [
        max(size.get_length() if size.is_static else default for size in of_all)
        for of_all, default in zip(sizes, (1, length), strict=True)
    ]
    model.reshape(dict.fromkeys(model.inputs, shape))
    return shape[0], shape[1]


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
