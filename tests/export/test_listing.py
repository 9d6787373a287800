from pathlib import Path

import pytest

from bertline.artifacts import write_json
from bertline.errors import ConfigError, DataError
from bertline.export.listing import FILE_NAME, Calibration, ExportedFile, Exports

INT8 = ExportedFile(
    name="openvino_int8",
    runtime="openvino",
    precision="int8",
    path="openvino_int8/model.xml",
    size_bytes=23,
    seconds=1.5,
)


def test_a_listing_survives_its_file(tmp_path: Path) -> None:
    exports = Exports(files=(INT8,), calibration=Calibration(count=2, ids=("t1", "t7")))
    write_json(tmp_path / FILE_NAME, exports.model_dump())
    assert Exports.read(tmp_path) == exports


def test_a_bad_listing_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"exports\.json: no such file"):
        Exports.read(tmp_path)
    write_json(tmp_path / FILE_NAME, {"files": [INT8.model_dump() | {"runtime": "onnx"}]})
    with pytest.raises(ConfigError, match=r"exports\.json: key 'files.0.runtime' = 'onnx'"):
        Exports.read(tmp_path)
