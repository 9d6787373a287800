from pathlib import Path
from typing import Any

import pytest

from bertline.artifacts import files_of, read_manifest
from bertline.errors import ConfigError, StageError
from bertline.evaluation.predictors import open_predictor
from bertline.export.exporter import Exporter
from bertline.export.listing import FORMATS, Exports
from bertline.features.records import read_features
from bertline.features.spec import AnswerSpec
from bertline.modeling.config import ModelSpec
from bertline.stages.export import Settings, run
from tests.modeling.toys import batch_of
from tests.stages.toy_artifacts import write_features, write_model

SETTINGS = Settings(formats=("openvino_int8", "litert_float32"), calibration_examples=5)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("export")
    return {
        "model": write_model(folder / "model"),
        "features": write_features(folder / "features"),
        "examples": folder / "none, as they are read for questions alone",
    }


@pytest.fixture(scope="module")
def exported(inputs: dict[str, Path]) -> Path:
    path = inputs["model"].parent / "exported"
    run(SETTINGS, **inputs, exported=path)
    return path


def test_the_folder_has_all_that_it_needs(inputs: dict[str, Path], exported: Path) -> None:
    assert [str(path.relative_to(exported)) for path in files_of(exported)] == [
        "exports.json",
        "litert_float32.tflite",
        "manifest.json",
        "model.json",
        "openvino_int8/model.bin",
        "openvino_int8/model.xml",
        "vocab.txt",
    ]
    for name in ("model.json", "vocab.txt"):
        assert (exported / name).read_bytes() == (inputs["model"] / name).read_bytes()
    sha256 = read_manifest(inputs["model"], "model").about["weights_sha256"]
    assert read_manifest(exported, "exported").about == {"model_weights_sha256": sha256}


def test_calibration_is_told_and_is_of_training(inputs: dict[str, Path], exported: Path) -> None:
    exports = Exports.read(exported)
    assert [file.name for file in exports.files] == list(SETTINGS.formats)
    train = read_features(inputs["features"], "train")
    assert exports.calibration.count == 5
    assert len(set(exports.calibration.ids) & set(train.ids)) == 5


def test_every_file_runs(exported: Path) -> None:
    for name in SETTINGS.formats:
        logits = open_predictor(exported, name)(batch_of([2, 5, 3], length=8))
        assert logits["slot_logits"].shape == (1, 8, 3)


def test_calibration_takes_what_there_is(
    tmp_path: Path, inputs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Any] = []

    class Refusing(Exporter):
        def __init__(self, graph: Any, samples: Any, *others: Any, **more: Any) -> None:
            taken.extend(samples)
            raise StageError("no room")

    monkeypatch.setattr("bertline.export.exporter.Exporter", Refusing)
    with pytest.raises(StageError, match="no room"):
        run(Settings(), **inputs, exported=tmp_path / "exported")
    assert sorted(sample["input_ids"].shape[1] for sample in taken) == sorted([5, 12, 4, 7] * 20)
    assert list(tmp_path.iterdir()) == []


def test_formats_are_checked_before_anything_runs() -> None:
    others = {"openvino_fp32", "litert_int8", "litert_int8_mixed", "litert_integer"}
    assert set(Settings().formats) == set(FORMATS) - others
    message = "unknown format 'openvino_int9'; did you mean 'openvino_int8'"
    with pytest.raises(ConfigError, match=message):
        Settings.parse({"formats": ["saved_model", "openvino_int9"]}, where="recipe")
    with pytest.raises(ConfigError, match="key 'formats' = "):
        Settings.parse({"formats": []}, where="recipe")


def test_only_answers_to_questions_have_a_threshold(
    tmp_path: Path, inputs: dict[str, Path]
) -> None:
    settings = Settings(formats=("openvino_fp16",), null_threshold="tuned")
    with pytest.raises(ConfigError, match="null_threshold = 'tuned': the model's task is snips"):
        run(settings, **inputs, exported=tmp_path / "exported")
    assert list(tmp_path.iterdir()) == []


def test_how_questions_are_answered_goes_into_the_folder(
    tmp_path: Path, inputs: dict[str, Path]
) -> None:
    settings = Settings(formats=("openvino_fp16",), null_threshold=-1.5, max_answer_length=9)
    run(settings, **inputs, exported=tmp_path / "exported")
    answering = ModelSpec.read(tmp_path / "exported").answering
    assert answering == AnswerSpec(n_best_size=20, max_answer_length=9, null_threshold=-1.5)


def test_integer_files_need_a_model_with_ranges(tmp_path: Path, inputs: dict[str, Path]) -> None:
    settings = Settings(formats=("litert_float32", "litert_integer"))
    with pytest.raises(ConfigError, match="^litert_integer: .* has no ranges; add the stage"):
        run(settings, **inputs, exported=tmp_path / "exported")
