"""The facts of a .tflite file."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from bertline.errors import ConfigError
from bertline.export.inspection import DEFAULT_LENGTH, Inspection
from bertline.export.tflite import FLOATS, Content, Operator, read_content

INTEGERS = {"INT4", "INT8", "UINT8", "INT16"}
Shapes = list[tuple[int, ...]]


def inspect_litert(path: Path, length: int | None = None) -> Inspection:
    """See `inspection.inspect`. The file is run once, for sizes that only a call decides."""
    content = read_content(path)
    length, shapes = _shapes(path, len(content.tensors), length)
    activations = [n for n, each in enumerate(content.tensors) if each.is_float_activation]
    products = [(each, _macs(each, shapes)) for each in content.operators]
    custom = {each.kind for each in content.operators if each.is_custom}
    return Inspection(
        runtime="litert",
        length=length,
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


def _shapes(path: Path, count: int, length: int | None) -> tuple[int, Shapes]:
    """The length in tokens, and the shapes of the file's `count` tensors when one text is run."""
    # Without delegates, which hide the tensors within them.
    interpreter = _interpreter(path, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    length = _set_length(interpreter, length)
    interpreter.invoke()
    shapes: Shapes = [()] * count
    for detail in interpreter.get_tensor_details():
        if detail["index"] < count:  # kernels add tensors of their own
            shapes[detail["index"]] = tuple(map(int, detail["shape"]))
    return length, shapes


def _interpreter(path: Path, resolver: OpResolverType) -> Interpreter:
    return Interpreter(model_path=str(path), experimental_op_resolver_type=resolver, num_threads=1)


def _set_length(interpreter: Interpreter, length: int | None) -> int:
    """Gives all inputs [batch, length] zeros of one length, which it returns."""
    details = interpreter.get_input_details()
    if any(len(detail["shape"]) != 2 for detail in details):
        raise ConfigError("inputs are not all [batch, length]; give a file that reads tokens")
    fixed = max(int(detail["shape_signature"][1]) for detail in details)
    chosen = fixed if fixed > 0 else length or DEFAULT_LENGTH
    if fixed <= 0:
        for detail in details:
            interpreter.resize_tensor_input(detail["index"], [int(detail["shape"][0]), chosen])
    try:
        interpreter.allocate_tensors()
    except RuntimeError:
        raise ConfigError(
            f"the file does not take a text of {chosen} tokens; give --length"
        ) from None
    for detail in details:
        shape = (int(detail["shape"][0]), chosen)
        interpreter.set_tensor(detail["index"], np.zeros(shape, detail["dtype"]))
    return chosen


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
    interpreter = _interpreter(path, OpResolverType.BUILTIN)
    _set_length(interpreter, length)
    # Not of the public interface, which does not tell.
    operators: list[dict[str, Any]] = interpreter._get_ops_details()
    return sum(each["op_name"] == "DELEGATE" for each in operators)
