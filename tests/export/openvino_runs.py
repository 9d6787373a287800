"""What OpenVINO makes of a file, as values of JSON: for tests.limited."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from bertline.evaluation.predictors.openvino import OpenVinoPredictor
from bertline.export.openvino_core import core


def layers(path: str) -> dict[str, int]:
    """How many layers of each kind OpenVINO runs the model as, in float32."""
    compiled = core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    nodes = compiled.get_runtime_model().get_ops()
    return dict(Counter(node.get_rt_info()["layerType"].value for node in nodes))


def logits(path: str, outputs: list[str], batch: dict[str, list[list[int]]]) -> dict[str, Any]:
    """The logits of a batch, as lists."""
    arrays = {name: np.array(rows, np.int32) for name, rows in batch.items()}
    found = OpenVinoPredictor(Path(path), "model", outputs)(arrays)
    return {name: values.tolist() for name, values in found.items()}


def product(path: str, row: list[float]) -> list[float]:
    """The only output of a model of one input, in float32."""
    compiled = core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    values: list[float] = compiled(np.array([row], np.float32))[0][0].tolist()
    return values
