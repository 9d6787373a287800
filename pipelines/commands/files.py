"""inspect, quantize: what is in files, and int8 files without training."""

import argparse
from pathlib import Path
from typing import Any

from bertline.errors import ConfigError

STAGES = {"model": "finetune", "features": "tokenize", "examples": "ingest"}
"""Artifact → the stage whose folder of a run holds it."""
QUANTIZED = "quantize/quantized"
"""The model of a run that has that stage."""


def add(commands: Any) -> None:
    """Adds the commands to the subparsers."""
    inspect = commands.add_parser("inspect", help="what a file computes in integers and in float")
    inspect.set_defaults(command=_inspect)
    inspect.add_argument("file", type=Path, metavar="FILE", help="a .tflite or an OpenVINO .xml")
    inspect.add_argument(
        "--length",
        type=int,
        metavar="TOKENS",
        help="of the text, where the file leaves it open (default: 128)",
    )

    quantize = commands.add_parser(
        "quantize", help="a LiteRT file with int8 activations, within an accuracy budget"
    )
    quantize.set_defaults(command=_quantize)
    quantize.add_argument(
        "model", type=Path, metavar="MODEL_OR_RUN", help="a model folder, or a run's folder"
    )
    quantize.add_argument(
        "--no-training",
        action="store_true",
        help="of a model that was not trained to be quantized",
    )
    quantize.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="the folder to write"
    )
    quantize.add_argument(
        "--max-drop",
        type=float,
        default=0.5,
        metavar="POINTS",
        help="what no metric may lose on the dev split (default: %(default)s)",
    )
    quantize.add_argument(
        "--examples",
        type=int,
        default=200,
        metavar="N",
        help="dev examples on which single sites are measured (default: %(default)s)",
    )
    for name in ("features", "examples"):
        quantize.add_argument(
            f"--{name}-from" if name == "examples" else f"--{name}",
            dest=f"{name}_folder",
            type=Path,
            metavar="DIR",
            help=f"the {name} artifact of a model that is not in a run",
        )


def _inspect(options: argparse.Namespace) -> None:
    from bertline.export.inspection import inspect

    for line in inspect(options.file, options.length).lines():
        print(line)


def _quantize(options: argparse.Namespace) -> None:
    from bertline.integrity import verify_if_artifact
    from bertline.keras_import import import_keras
    from bertline.modeling.config import ModelSpec
    from bertline.stages.select_sites import Settings, run

    values = {"max_drop": options.max_drop, "examples": options.examples}
    settings = Settings.parse(values, where="quantize")
    artifacts = _artifacts(options)
    for folder in artifacts.values():
        verify_if_artifact(folder)
    model = artifacts["model"]
    if not options.no_training and ModelSpec.read(model).quantization is None:
        raise ConfigError(
            f"{model}: not trained to be quantized; add the stage quantize to its recipe, or give "
            "--no-training"
        )
    import_keras()
    run(settings, **artifacts, exported=options.output)
    print(f"written: {options.output}")


def _artifacts(options: argparse.Namespace) -> dict[str, Path]:
    """model, features and examples, as given or from a run's folder; ConfigError if one is not."""
    folder: Path = options.model
    found = {name: folder / stage / name for name, stage in STAGES.items()}
    if (folder / QUANTIZED).is_dir():
        found["model"] = folder / QUANTIZED
    if (folder / "model.json").is_file():
        found = {"model": folder}
    for name in ("features", "examples"):
        given: Path | None = getattr(options, f"{name}_folder")
        if given is not None:
            found[name] = given
    for name in STAGES:
        if name not in found or not found[name].is_dir():
            raise ConfigError(
                f"{folder}: no {name} there; give a run's folder of artifacts, or a model folder "
                "with --features and --examples-from"
            )
    return found
