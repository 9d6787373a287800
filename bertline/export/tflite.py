"""What a LiteRT (TFLite) file consists of, read from its FlatBuffer: nothing is run.

The schema is the one that ai_edge_litert ships (tensorflow/compiler/mlir/lite/schema/schema.fbs).
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from bertline.errors import CheckpointError

IDENTIFIER = b"TFL3"
FLOATS = {"FLOAT16": 2, "BFLOAT16": 2, "FLOAT32": 4, "FLOAT64": 8}
"""Floating-point types → bytes of a value."""


@dataclass(frozen=True, slots=True)
class FileTensor:
    """A tensor of a file.

    dtype: as the schema names it ("FLOAT32", "INT8"). constant_bytes: of its values where the file
    holds them, else None. scale, zero_point: of the first channel, where it is quantized.
    """

    name: str
    dtype: str
    constant_bytes: int | None
    scale: float | None
    zero_point: int

    @property
    def is_float_activation(self) -> bool:
        """Whether a call computes it, in floating point."""
        return self.constant_bytes is None and self.dtype in FLOATS


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator; inputs, outputs: numbers of tensors, of inputs -1 for one left out.

    kind: as the schema names it ("FULLY_CONNECTED"), or the name of a custom operator.
    is_custom: whether the runtime must be given its code; TensorFlow's ("Flex") are among these.
    transposes_first: of a BATCH_MATMUL, whether the first matrix is.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    is_custom: bool
    transposes_first: bool = False


@dataclass(frozen=True)
class Content:
    """The main graph of a file, operators in the order in which they run."""

    tensors: tuple[FileTensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def name(self, operator: Operator) -> str:
        """The name of the operator's first output, by which tools tell it from others."""
        return self.tensors[operator.outputs[0]].name


def read_content(path: Path) -> Content:
    """What the file consists of; raises CheckpointError for what is no such file."""
    data = path.read_bytes()
    if data[4:8] != IDENTIFIER:
        raise CheckpointError(f"{path}: not a LiteRT model; give a .tflite file")
    try:
        model = schema.ModelT.InitFromPackedBuf(data, 0)
    except (struct.error, ValueError, TypeError, IndexError) as error:
        raise CheckpointError(
            f"{path}: not a LiteRT model ({error}); export or copy it again"
        ) from None
    graph = model.subgraphs[0]
    return Content(
        tensors=tuple(_tensor(tensor, model.buffers) for tensor in graph.tensors),
        operators=tuple(_operator(each, model.operatorCodes) for each in graph.operators),
        inputs=tuple(map(int, graph.inputs)),
        outputs=tuple(map(int, graph.outputs)),
    )


def _names(enumeration: Any) -> dict[int, str]:
    return {number: name for name, number in vars(enumeration).items() if name[0] != "_"}


_TYPES, _KINDS = _names(schema.TensorType), _names(schema.BuiltinOperator)


def _tensor(tensor: Any, buffers: Any) -> FileTensor:
    buffer = buffers[tensor.buffer]
    # Values stand in the buffer or, in what other tools have written, behind the FlatBuffer.
    size_bytes = buffer.size if buffer.data is None else len(buffer.data)
    quantization = tensor.quantization
    is_quantized = quantization is not None and quantization.scale is not None
    return FileTensor(
        name=tensor.name.decode(),
        dtype=_TYPES[tensor.type],
        constant_bytes=size_bytes or None,
        scale=float(quantization.scale[0]) if is_quantized else None,
        zero_point=int(quantization.zeroPoint[0]) if is_quantized else 0,
    )


def _operator(operator: Any, codes: Any) -> Operator:
    code = codes[operator.opcodeIndex]
    # Old files have the number where it fits in a byte only.
    kind = _KINDS[max(code.builtinCode, code.deprecatedBuiltinCode)]
    is_custom = kind == "CUSTOM"
    return Operator(
        kind=code.customCode.decode() if is_custom else kind,
        inputs=tuple(map(int, operator.inputs)),
        outputs=tuple(map(int, operator.outputs)),
        is_custom=is_custom,
        transposes_first=bool(getattr(operator.builtinOptions, "adjX", False)),
    )
