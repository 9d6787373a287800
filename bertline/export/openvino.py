"""A SavedModel as OpenVINO IR with dynamic batch and length, FP16 and INT8."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nncf
import numpy as np
import openvino as ov
from openvino import opset13 as opset

from bertline.errors import StageError
from bertline.features.batches import MODEL_INPUTS, FeatureSet, pad_batch


def read_saved_model(path: Path, outputs: Sequence[str]) -> ov.Model:
    """The model of a SavedModel; raises StageError if an input or output lost its name."""
    model = ov.convert_model(str(path))
    found = {name for port in (*model.inputs, *model.outputs) for name in port.get_names()}
    lost = {*MODEL_INPUTS, *outputs} - found
    if lost:
        raise StageError(f"OpenVINO's conversion lost {', '.join(sorted(lost))}; report this")
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


def export_fp16(model: ov.Model, path: Path) -> None:
    """Writes `path`.xml and .bin with weights stored in 16 bits."""
    ov.save_model(model, path, compress_to_fp16=True)


def export_int8(
    model: ov.Model, path: Path, features: FeatureSet, rows: Sequence[int] | np.ndarray[Any, Any]
) -> None:
    """Quantizes weights and activations to 8 bits by NNCF and writes `path`.xml and .bin.

    features, rows: the calibration examples. Each is run alone and without padding, whose
    activations are larger than those of any token and would widen every range.
    """
    samples = [pad_batch(features, [row], MODEL_INPUTS, int(features.lengths[row])) for row in rows]
    quantized = nncf.quantize(
        model,
        nncf.Dataset(samples),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(samples),
    )
    ov.save_model(quantized, path, compress_to_fp16=True)
