"""Opening the files of an exported folder, each in its own runtime, imported at that moment."""

import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from bertline.config import nearest
from bertline.errors import CheckpointError, ConfigError
from bertline.evaluation.predictors.base import OUTPUTS, Predictor
from bertline.export.listing import ExportedFile, Exports
from bertline.keras_import import import_keras
from bertline.modeling.config import ModelSpec


@dataclass(frozen=True)
class Runtime:
    """What runs a kind of file: our class for it, the package it needs, the extra it comes with."""

    module: str
    predictor: str
    package: str
    extra: str


RUNTIMES = {
    "openvino": Runtime("openvino", "OpenVinoPredictor", "openvino", "openvino"),
    "litert": Runtime("litert", "LiteRtPredictor", "ai_edge_litert", "litert"),
    "saved_model": Runtime("saved_model", "SavedModelPredictor", "tensorflow", "pipeline"),
}


def predictor_names(folder: Path) -> list[str]:
    """The names that `open_predictor` takes, in the order of the folder's exports.json."""
    return [file.name for file in Exports.read(folder).files]


def is_installed(file: ExportedFile) -> bool:
    """Whether the package that runs `file` can be imported here."""
    return importlib.util.find_spec(RUNTIMES[file.runtime].package) is not None


def open_predictor(
    folder: Path,
    name: str,
    device: str = "CPU",
    num_threads: int | None = None,
    trust: bool = False,
) -> Predictor:
    """The file `name` of an exported folder, loaded and ready in its own runtime.

    device: handed to the runtime ("CPU", "GPU", for LiteRT also the path of a delegate library).
    num_threads: None leaves the runtime's default. trust: open also a SavedModel with operations
    that `bertline.export.operations` refuses. Raises ConfigError for an unknown name or device and
    for a runtime that is not installed; CheckpointError for a missing, damaged or foreign file and
    for weights that are NaN or infinite.
    """
    if num_threads is not None and num_threads < 1:
        raise ConfigError(f"num_threads = {num_threads}; give 1 or more, or leave it out")
    files = {file.name: file for file in Exports.read(folder).files}
    if name not in files:
        raise ConfigError(f"{folder}: no exported file {name!r}; {nearest(name, list(files))}")
    path = folder / files[name].path
    if not path.exists():
        raise CheckpointError(f"{path}: missing from the model folder; export or copy it again")
    runtime = RUNTIMES[files[name].runtime]
    if not is_installed(files[name]):
        raise ConfigError(
            f"{name} needs the package {runtime.package}; pip install 'bertline[{runtime.extra}]'"
        )
    if runtime.package == "tensorflow":
        import_keras()  # which TensorFlow imports
    if files[name].runtime == "saved_model" and not trust:
        # With TensorFlow, which no other file needs.
        importlib.import_module("bertline.export.operations").check_saved_model(path)
    module = importlib.import_module(f"bertline.evaluation.predictors.{runtime.module}")
    spec = ModelSpec.read(folder)
    predictor: Predictor = getattr(module, runtime.predictor)(
        path,
        name,
        OUTPUTS[spec.head],
        device=device,
        num_threads=num_threads,
        positions=spec.encoder.max_position_embeddings,
    )
    return predictor
