"""The training model itself: what exported files are compared with."""

from pathlib import Path

import numpy as np

from bertline.evaluation.predictors.base import OUTPUTS, Batch, Logits
from bertline.evaluation.predictors.shape import FixedShape
from bertline.modeling.config import ModelSpec
from bertline.modeling.folder import read_ranges
from bertline.modeling.model import build_model
from bertline.modeling.sites import FLOAT, FixedSites
from bertline.modeling.weights import assign, load_weights


class KerasPredictor:
    """Logits of a model folder's saved weights by the float32 forward pass, for any batch.

    A quantized network rounds its values, as its integer files do. Raises CheckpointError if the
    weights are missing, damaged or another model's.
    """

    fixed_batch: int | None = None

    def __init__(self, folder: Path, name: str = "keras") -> None:
        self.name = name
        spec = ModelSpec.read(folder)
        self._outputs = OUTPUTS[spec.head]
        self._shape = FixedShape(name, positions=spec.encoder.max_position_embeddings)
        ranges = read_ranges(folder, spec)
        sites = FixedSites(ranges) if ranges else FLOAT
        self._model = build_model(spec, dtype="float32", sites=sites)
        weights_file = folder / "weights.safetensors"
        assign(self._model.weights, load_weights(weights_file), where=str(weights_file))

    def __call__(self, batch: Batch) -> Logits:
        """The logits of `batch`, as in `Predictor`."""
        results = self._model.predict_on_batch(dict(self._shape.filled(batch)))
        logits = {name: np.asarray(results[name], np.float32) for name in self._outputs}
        return self._shape.cut(logits, batch)
