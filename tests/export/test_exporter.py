import shutil
from dataclasses import replace
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
from bertline.export.source import open_source
from tests.modeling.toys import toy_spec


def test_the_listing_tells_what_is_there(exported: Path) -> None:
    files = Exports.read(exported).files
    assert [(file.name, file.runtime, file.precision, file.path) for file in files] == [
        (name, form.runtime, form.precision, form.path) for name, form in FORMATS.items()
    ]
    folders = {"saved_model": "saved_model", "openvino_int8": "openvino_int8"}
    lengths = {file.name: file.inputs[0].shape for file in files}
    assert lengths["openvino_int8"] == lengths["saved_model"] == (None, None)
    assert lengths["litert_float16"] == (1, None)
    assert all(each.dtype == "int32" for file in files for each in file.inputs)
    outputs = {each.name: each.shape for each in files[0].outputs}
    assert outputs == {"intent_logits": (None, 2), "slot_logits": (None, None, 3)}
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
        open_source(tmp_path)


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
        Exporter(open_source(model).graph, [], tmp_path).export("openvino_fp16", tmp_path)
    assert str(caught.value) == f"openvino_fp16: export failed ({reason}); is the disk full?"


def test_outputs_that_lost_their_names_are_told(exported: Path, model: Path) -> None:
    graph = replace(open_source(model).graph, outputs=("intent_logits", "answer_logits"))
    with pytest.raises(StageError, match="OpenVINO's conversion lost answer_logits; report this"):
        read_saved_model(exported / "saved_model", graph)
