"""A SavedModel as OpenVINO IR with dynamic or fixed batch and length; FP32, FP16 and INT8."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nncf
import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as opset

from bertline.errors import StageError
from bertline.export.graph import OPEN, Graph, Shape
from bertline.export.openvino_core import other_cores
from bertline.export.openvino_weights import constant_of, store_weights

Sample = Mapping[str, NDArray[Any]]
"""The inputs of one call, by name."""


def read_saved_model(path: Path, graph: Graph) -> ov.Model:
    """The model of the SavedModel of `graph`; raises StageError if an input or output is lost."""
    model = ov.convert_model(str(path))
    found = {name for port in (*model.inputs, *model.outputs) for name in port.get_names()}
    lost = {*graph.inputs, *graph.outputs} - found
    if lost:
        raise StageError(f"OpenVINO's conversion lost {', '.join(sorted(lost))}; report this")
    if graph.has_token_rows:
        _add_axis_to_tokens(model)
    return model


def _add_axis_to_tokens(model: ov.Model) -> None:
    # NNCF scales what goes into a matrix product channel by channel. Between tokens [T, H] OpenVINO
    # moves these scales into FakeQuantize operations, which then run on their own and in float32;
    # where tokens are [1, T, H] they become a part of the operation before: 8 % of an int8 call.
    for node in model.get_ops():
        if node.get_type_name() == "Reshape":
            shape = node.input_value(1).get_node()
            if shape.get_type_name() == "Constant" and list(shape.data)[:-1] == [-1]:
                rows = opset.constant(np.array([1, *shape.data], np.int32))
                node.input(1).replace_source_output(rows.output(0))
    model.validate_nodes_and_infer_types()


def quantized(
    model: ov.Model,
    samples: Sequence[Sample],
    set_ranges: Callable[[ov.Model], None] | None = None,
    overflow_safe: bool = True,
) -> ov.Model:
    """The model with dense layers and embeddings in integers, by NNCF.

    samples: what ranges are taken from, each best a single text without padding, whose
    activations are larger than those of any token and would widen every range. set_ranges:
    gives activations the ranges of training, if there are any; NNCF then moves no scales and no
    biases. overflow_safe: the model computes the same without VNNI (export.openvino_weights).
    """
    options: dict[str, Any] = {"backend_params": {"compress_weights": False}}
    if set_ranges is not None:
        options["smooth_quant_alphas"] = nncf.AdvancedSmoothQuantParameters(matmul=-1)
        options["disable_bias_correction"] = True
    with other_cores():
        model = nncf.quantize(
            model,
            nncf.Dataset(samples),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(samples),
            ignored_scope=nncf.IgnoredScope(names=list(_attention(model))),
            advanced_parameters=nncf.AdvancedQuantizationParameters(**options),
        )
    if set_ranges is not None:
        set_ranges(model)
    store_weights(model, overflow_safe)
    return model


def _attention(model: ov.Model) -> Iterator[str]:
    """The names of the products of two activations, which stay float.

    Without VNNI both factors would overflow in int8, and OpenVINO fuses attention with int8
    products only where there is AVX-512.
    """
    for node in model.get_ops():
        kind = node.get_type_name()
        if kind == "ScaledDotProductAttention" or (
            kind == "MatMul" and all(constant_of(node.input_value(i)) is None for i in (0, 1))
        ):
            yield node.get_friendly_name()


def write_ir(model: ov.Model, path: Path, fp16: bool = True, shape: Shape = OPEN) -> None:
    """Writes `path`.xml and .bin, float weights stored in 16 bits if `fp16`.

    shape: fixes batch and length of all inputs [batch, length].
    """
    if shape != OPEN:
        model = model.clone()
        model.reshape({p: list(shape) for p in model.inputs if len(p.partial_shape) == len(shape)})
    ov.save_model(model, path, compress_to_fp16=fp16)
