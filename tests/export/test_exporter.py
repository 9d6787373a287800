import shutil
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from bertline.artifacts import files_of, write_json
from bertline.errors import CheckpointError, StageError
from bertline.export import exporter as exporter_module
from bertline.export.exporter import Exporter
from bertline.export.listing import FORMATS, Exports
from bertline.export.openvino import read_saved_model
from tests.modeling.toys import toy_spec
from tests.training.toys import toy_features

FEATURES = toy_features([5, 7])


def test_the_listing_tells_what_is_there(exported: Path) -> None:
    files = Exports.read(exported).files
    assert [(file.name, file.runtime, file.precision, file.path) for file in files] == [
        (name, form.runtime, form.precision, form.path) for name, form in FORMATS.items()
    ]
    folders = {"saved_model": "saved_model", "openvino_int8": "openvino_int8"}
    sizes = {file.name: file.size_bytes for file in files}
    for name, folder in folders.items():
        assert sizes[name] == sum(file.stat().st_size for file in files_of(exported / folder))
    assert sizes["litert_float16"] == (exported / "litert_float16.tflite").stat().st_size
    assert all(file.seconds > 0 for file in files)


def test_nothing_else_is_written(exported: Path) -> None:
    names = {path.relative_to(exported).parts[0] for path in files_of(exported)}
    assert names == {
        "exports.json",
        "model.json",
        *(Path(form.path).parts[0] for form in FORMATS.values()),
    }
    assert sorted(path.name for path in (exported / "openvino_fp16").iterdir()) == [
        "model.bin",
        "model.xml",
    ]


def test_weights_of_another_model_are_told(model: Path, tmp_path: Path) -> None:
    shutil.copy(model / "weights.safetensors", tmp_path)
    write_json(tmp_path / "model.json", toy_spec().model_dump())
    with pytest.raises(CheckpointError, match=r"weights\.safetensors: '.+' has shape"):
        Exporter(tmp_path, FEATURES, [0], tmp_path)


NO_ROOM = "No space left on device"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            RuntimeError("\nbasic_ios::clear: iostream error\nmore"),
            "basic_ios::clear: iostream error",
        ),
        (tf.errors.ResourceExhaustedError(None, None, "{{node SaveV2}} " + NO_ROOM), NO_ROOM),
        (shutil.Error([("a", "b", NO_ROOM), ("c", "d", NO_ROOM)]), NO_ROOM),
    ],
)
def test_a_conversion_that_fails_is_told_in_one_line(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def fail(*arguments: Any) -> None:
        raise error

    monkeypatch.setattr(exporter_module, "export_saved_model", fail)
    with pytest.raises(StageError) as caught:
        Exporter(model, FEATURES, [0], tmp_path).export("openvino_fp16", tmp_path)
    assert str(caught.value) == f"openvino_fp16: export failed ({reason}); is the disk full?"


def test_outputs_that_lost_their_names_are_told(exported: Path) -> None:
    with pytest.raises(StageError, match="OpenVINO's conversion lost answer_logits; report this"):
        read_saved_model(exported / "saved_model", ["intent_logits", "answer_logits"])
