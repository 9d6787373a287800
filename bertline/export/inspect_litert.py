"""The facts of a .tflite file."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from bertline.errors import ConfigError
from bertline.export.inspection import Inspection, lengths_to_try, too_long
from bertline.export.tflite import FLOATS, Content, Operator, read_content

INTEGERS = {"INT4", "INT8", "UINT8", "INT16"}
Shapes = list[tuple[int, ...]]


def inspect_litert(path: Path, length: int | None = None) -> Inspection:
    """See `inspection.inspect`. The file is run once, for sizes that only a call decides."""
    content = read_content(path)
    (batch, length), shapes = _shapes(path, len(content.tensors), length)
    activations = [n for n, each in enumerate(content.tensors) if each.is_float_activation]
    products = [(each, _macs(each, shapes)) for each in content.operators]
    custom = {each.kind for each in content.operators if each.is_custom}
    return Inspection(
        runtime="litert",
        length=length,
        batch=batch,
        operators=dict(Counter(each.kind for each in content.operators)),
        custom_operators=tuple(sorted(custom)),
        float_tensors=tuple(content.tensors[n].name for n in activations),
        float_activation_bytes=sum(
            FLOATS[content.tensors[n].dtype] * int(np.prod(shapes[n])) for n in activations
        ),
        float_constant_bytes=sum(
            each.constant_bytes or 0 for each in content.tensors if each.dtype in FLOATS
        ),
        macs=sum(macs for _, macs in products),
        integer_macs=sum(macs for each, macs in products if _is_integer(each, content)),
        partitions=_partitions(path, length) if not custom else None,
    )


def _shapes(path: Path, count: int, length: int | None) -> tuple[tuple[int, int], Shapes]:
    """Batch and length of a call, and the shapes of the file's `count` tensors in this call."""
    # Without delegates, which hide the tensors within them.
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    for tried in lengths_to_try(length):
        interpreter = _interpreter(path, resolver, tried)
        if interpreter is not None:
            break
    else:
        raise too_long(path, tried)
    interpreter.invoke()
    shapes: Shapes = [()] * count
    for detail in interpreter.get_tensor_details():
        if detail["index"] < count:  # kernels add tensors of their own
            shapes[detail["index"]] = tuple(map(int, detail["shape"]))
    batch, length = shapes[interpreter.get_input_details()[0]["index"]]
    return (batch, length), shapes


def _interpreter(path: Path, resolver: OpResolverType, length: int) -> Interpreter | None:
    """An interpreter with zeros as inputs, [batch, length] where the file leaves the length open.

    None where the file does not take this length.
    """
    interpreter = Interpreter(
        model_path=str(path), experimental_op_resolver_type=resolver, num_threads=1
    )
    details = interpreter.get_input_details()
    if any(len(detail["shape"]) != 2 for detail in details):
        raise ConfigError(f"{path}: inputs are not all [batch, length]; give a file of tokens")
    try:
        for detail in details:
            batch, fixed = map(int, detail["shape_signature"])
            if min(batch, fixed) < 1:
                shape = [batch if batch > 0 else 1, fixed if fixed > 0 else length]
                interpreter.resize_tensor_input(detail["index"], shape)
        interpreter.allocate_tensors()
    except RuntimeError:
        return None
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
    return interpreter


def _macs(operator: Operator, shapes: Shapes) -> int:
    """The multiply-accumulates of an operator."""
    outputs = int(np.prod(shapes[operator.outputs[0]]))
    if operator.kind == "FULLY_CONNECTED":
        return outputs * shapes[operator.inputs[1]][-1]
    if operator.kind == "BATCH_MATMUL":
        return outputs * shapes[operator.inputs[0]][-2 if operator.transposes_first else -1]
    if operator.kind == "CONV_2D":
        return outputs * int(np.prod(shapes[operator.inputs[1]][1:]))
    if operator.kind == "DEPTHWISE_CONV_2D":
        return outputs * int(np.prod(shapes[operator.inputs[1]][1:3]))
    return 0


def _is_integer(operator: Operator, content: Content) -> bool:
    # The second factor decides: with int8 weights the kernel rounds a float first one itself.
    return len(operator.inputs) > 1 and content.tensors[operator.inputs[1]].dtype in INTEGERS


def _partitions(path: Path, length: int) -> int:
    """How many pieces XNNPACK runs, LiteRT's default on CPUs."""
    interpreter = _interpreter(path, OpResolverType.BUILTIN, length)
    assert interpreter is not None, "the same length as without XNNPACK"
    # Not of the public interface, which does not tell.
    operators: list[dict[str, Any]] = interpreter._get_ops_details()
    return sum(each["op_name"] == "DELEGATE" for each in operators)
