from pathlib import Path
from typing import Any

import pytest

from bertline.artifacts import files_of, read_json, read_manifest, write_text
from bertline.errors import ConfigError, DataError, StageError
from bertline.evaluation.predictors import open_predictor
from bertline.export.listing import Exports
from bertline.modeling.config import ModelSpec, QuantizationSpec
from bertline.modeling.weights import load_weights, weights_digest
from bertline.stages.export import Settings as ExportSettings
from bertline.stages.export import run as export
from bertline.stages.quantize import Settings, run
from tests.modeling.toys import batch_of
from tests.stages.toy_artifacts import write_features, write_model
from tests.training.toys import SPEC

QUANTIZATION = {"calibration_batches": 1, "float_sites": ["*/attention_norm/*"]}


def settings(**changes: Any) -> Settings:
    values = {"max_steps": 1, "batch_size": 8, "quantization": QUANTIZATION}
    return Settings.parse(values | changes, where="toy")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("quantize")
    return {
        "model": write_model(folder / "model"),
        "features": write_features(folder / "features"),
    }


@pytest.fixture(scope="module")
def quantized(inputs: dict[str, Path]) -> Path:
    path = inputs["model"].parent / "quantized"
    run(settings(), **inputs, quantized=path, work=path.parent / "work")
    return path


def test_the_model_folder_has_ranges_too(inputs: dict[str, Path], quantized: Path) -> None:
    assert [path.name for path in files_of(quantized)] == [
        "history.json",
        "manifest.json",
        "model.json",
        "ranges.json",
        "vocab.txt",
        "weights.safetensors",
    ]
    quantization = QuantizationSpec(float_sites=("*/attention_norm/*",))
    assert ModelSpec.read(quantized) == SPEC.model_copy(update={"quantization": quantization})
    ranges = read_json(quantized / "ranges.json")
    assert ranges.keys() == quantization.sites(SPEC.encoder, "intent_slots").keys()
    about = read_manifest(quantized, "model").about
    assert about["weights_sha256"] == weights_digest(
        load_weights(quantized / "weights.safetensors")
    )
    assert len(read_json(quantized / "history.json")["entries"]) == 1


def test_it_is_exported_as_what_it_is(inputs: dict[str, Path], quantized: Path) -> None:
    path = quantized.parent / "exported"
    chosen = ExportSettings(formats=("litert_int8_mixed",), calibration_examples=1)
    examples = path.parent / "none, as they are read for questions alone"
    export(chosen, model=quantized, features=inputs["features"], examples=examples, exported=path)
    (file,) = Exports.read(path).files
    assert [each.shape for each in file.inputs] == [(1, None)] * 3
    logits = open_predictor(path, "litert_int8_mixed")(batch_of([2, 5, 3], length=16))
    assert logits["slot_logits"].shape == (1, 16, 3)
    # Some of its sites were left in floating point.
    integers = ExportSettings(formats=("litert_integer",), litert_length=16)
    with pytest.raises(StageError, match="float tensors, not integer-only: snips"):
        export(
            integers,
            model=quantized,
            features=inputs["features"],
            examples=examples,
            exported=path.parent / "integers",
        )


def test_a_pattern_without_a_site_is_an_error(inputs: dict[str, Path], tmp_path: Path) -> None:
    wrong = settings(quantization={"float_sites": ["outputsum"]})
    with pytest.raises(ConfigError, match="^float_sites: no site 'outputsum'"):
        run(wrong, **inputs, quantized=tmp_path / "quantized", work=tmp_path / "work")


def test_features_of_another_vocabulary_are_an_error(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    features = write_features(tmp_path / "features")
    write_text(features / "vocab.txt", "[PAD]\n")
    with pytest.raises(DataError, match="another vocabulary than that of .*; tokenize again$"):
        run(
            settings(),
            model=inputs["model"],
            features=features,
            quantized=tmp_path / "quantized",
            work=tmp_path / "work",
        )
