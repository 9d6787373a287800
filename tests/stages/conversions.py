"""Toys that convert is given, and what runs the files that it writes."""

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from bertline.export.openvino_core import core
from bertline.modeling.model import build_encoder
from bertline.modeling.weights import assign, load_weights
from tests.modeling.toys import batch_of, toy_spec

SHAPES = [(1, 8), (3, 24), (2, 32)]
# The least size at which NNCF and OpenVINO treat the parts as they do in real models.
SPEC = toy_spec(hidden_size=32, intermediate_size=64, initializer_range=0.3)
Outputs = dict[str, NDArray[np.float32]]


def some_batch(batch: int, length: int) -> dict[str, NDArray[np.int32]]:
    random = np.random.default_rng(length)
    rows = [random.integers(4, 30, max(2, length - 3 * row)).tolist() for row in range(batch)]
    return batch_of(*rows, length=length)


def by_openvino(path: Path, batch: dict[str, Any]) -> Outputs:
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    results = core().compile_model(path, "CPU", options)(batch)
    return {port.any_name: value for port, value in results.items()}


def by_litert(path: Path, batch: dict[str, Any]) -> Outputs:
    """The outputs for the first row, which is all that a file of batch 1 takes."""
    interpreter = Interpreter(str(path))
    signature = interpreter.get_signature_runner()
    details = signature.get_input_details()
    if any(-1 in detail["shape_signature"] for detail in details.values()):
        del signature
        for name, detail in details.items():
            interpreter.resize_tensor_input(detail["index"], [1, batch[name].shape[1]])
        signature = interpreter.get_signature_runner()
    results: Outputs = signature(**{name: value[:1] for name, value in batch.items()})
    return results


def check_close(
    found: Outputs, expected: Outputs, rows: int | None = None, atol: float = 1e-5
) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], np.asarray(value)[:rows], rtol=0, atol=atol)


def keras_encoder(folder: Path) -> Any:
    network = build_encoder(SPEC.encoder, ["pooled", "sequence"])
    assign(network.trainable_variables, load_weights(folder / "weights.safetensors"), "toy")
    return lambda batch: network(batch, training=False)
