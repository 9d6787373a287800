from pathlib import Path

from bertline.artifacts import Manifest, files_of, write_json
from bertline.export.listing import ExportedFile, Exports
from bertline.publishing.layout import lay_out

FILES = [
    ("saved_model", "saved_model", "saved_model", 92),
    ("litert_float16", "litert", "litert_float16.tflite", 45),
    ("openvino_fp16", "openvino", "openvino_fp16/model.xml", 45),
    ("openvino_int8", "openvino", "openvino_int8/model.xml", 23),
]


def export(folder: Path) -> Manifest:
    contents = [
        *("model.json", "vocab.txt", "litert_float16.tflite"),
        *("saved_model/saved_model.pb", "saved_model/variables/variables.index"),
        *("openvino_fp16/model.xml", "openvino_fp16/model.bin"),
        *("openvino_int8/model.xml", "openvino_int8/model.bin"),
        *("openvino_fp16_text/model.xml", "openvino_int8_text/model.xml"),
    ]
    for name in contents:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    files = tuple(
        ExportedFile.model_validate(
            {
                "name": name,
                "runtime": runtime,
                "precision": "int8",
                "path": path,
                "size_bytes": size,
                "seconds": 1.0,
                "text_path": f"{name}_text/model.xml" if runtime == "openvino" else None,
            }
        )
        for name, runtime, path, size in FILES
    )
    write_json(folder / "exports.json", Exports(files=files).model_dump())
    return Manifest(
        kind="exported", files={str(f.relative_to(folder)): f.name for f in files_of(folder)}
    )


def laid_out(tmp_path: Path, names: set[str]) -> tuple[Path, dict[str, str]]:
    target = tmp_path / "1"
    target.mkdir()
    exported = tmp_path / "exported"
    copied = lay_out(exported, export(exported), names, target)
    assert {*copied, "exports.json"} == {str(f.relative_to(target)) for f in files_of(target)}
    for name, of in copied.items():  # in place of a checksum: what the file was called
        assert (target / name).read_text().endswith(of)
    return target, {file.name: file.path for file in Exports.read(target).files}


def test_servers_find_their_files_at_the_top(tmp_path: Path) -> None:
    target, paths = laid_out(tmp_path, {name for name, *_ in FILES})
    assert sorted(str(f.relative_to(target)) for f in target.rglob("*") if f.is_file()) == [
        "exports.json",
        "litert_float16.tflite",
        "model.bin",
        "model.json",
        "model.xml",
        "openvino_fp16/model.bin",
        "openvino_fp16/model.xml",
        "openvino_fp16_text/model.xml",
        "openvino_int8_text/model.xml",
        "saved_model.pb",
        "variables/variables.index",
        "vocab.txt",
    ]
    assert (target / "model.xml").read_text() == "openvino_int8/model.xml"
    assert paths == {
        "saved_model": ".",
        "litert_float16": "litert_float16.tflite",
        "openvino_fp16": "openvino_fp16/model.xml",
        "openvino_int8": "model.xml",
    }


def test_files_that_are_not_named_are_left_out(tmp_path: Path) -> None:
    target, paths = laid_out(tmp_path, {"openvino_fp16", "litert_float16"})
    assert paths == {"litert_float16": "litert_float16.tflite", "openvino_fp16": "model.xml"}
    assert (target / "model.xml").read_text() == "openvino_fp16/model.xml"
    assert not (target / "saved_model.pb").exists()
    assert not list(target.glob("openvino_int8*"))
    assert (target / "openvino_fp16_text/model.xml").is_file()
