"""quantize: Model + Features → Model that was trained to be quantized."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from bertline.artifacts import digest, file_sha256, fingerprint
from bertline.code_version import code_version
from bertline.errors import DataError
from bertline.modeling.config import ModelSpec
from bertline.training.settings import (
    Count,
    FitSettings,
    Precision,
    QuantizationSettings,
    TeacherWeights,
)


class Settings(FitSettings):
    """Settings of quantize: those of the training loop, whose other defaults suit a trained model.

    quantization: how it joins in. losses: how much the labels and the float model count.
    """

    num_epochs: Count = 10
    max_steps: Count | None = 200
    learning_rate: Annotated[float, Field(gt=0)] = 2e-5
    precision: Precision = "float32"
    dropout: bool = False
    quantization: QuantizationSettings = QuantizationSettings()
    losses: TeacherWeights = TeacherWeights()


def run(settings: Settings, *, model: Path, features: Path, quantized: Path, work: Path) -> None:
    """Writes the artifact `quantized`: a model folder with ranges.json, the ranges of its sites.

    work: as in finetune. Raises DataError if the features were made with another vocabulary than
    the model's, ConfigError for patterns of sites that fit none.
    """
    from bertline.features.records import read_features
    from bertline.modeling.folder import write_model
    from bertline.modeling.weights import load_weights
    from bertline.training.devices import is_first_process
    from bertline.training.quantize import quantize

    spec = ModelSpec.read(model)
    if file_sha256(model / "vocab.txt") != file_sha256(features / "vocab.txt"):
        raise DataError(
            f"{features}: made with another vocabulary than that of {model}; tokenize again"
        )
    inputs = [digest(model), digest(features)]
    run_id = fingerprint(settings.to_json(), *inputs, code_version(__name__))
    weights, ranges, history = quantize(
        spec,
        load_weights(model / "weights.safetensors"),
        read_features(features, "train"),
        read_features(features, "dev"),
        settings,
        settings.quantization,
        settings.losses,
        work / run_id,
    )
    if not is_first_process():
        return
    spec = spec.model_copy(update={"quantization": settings.quantization.of_network()})
    write_model(quantized, spec, weights, history, features / "vocab.txt", run_id, ranges)
