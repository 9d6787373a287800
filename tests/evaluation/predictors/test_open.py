import importlib.util
import shutil
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from bertline.errors import CheckpointError, ConfigError, DataError
from bertline.evaluation.predictors import open_predictor
from tests.toy_model import save_openvino

NAMES = ["openvino_int8", "litert_dynamic_int8", "saved_model"]


@pytest.fixture
def folder(toy_folder: Path, tmp_path: Path) -> Path:
    """A copy of the toy folder, to be spoilt."""
    return Path(shutil.copytree(toy_folder, tmp_path / "copy"))


def test_an_unknown_name_is_answered_with_the_nearest(toy_folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"no exported file 'openvino_int9'.*'openvino_int8'"):
        open_predictor(toy_folder, "openvino_int9")


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"exports\.json: no such file"):
        open_predictor(tmp_path, "openvino_int8")


def test_a_listed_file_that_is_missing(folder: Path) -> None:
    (folder / "litert_dynamic_int8.tflite").unlink()
    with pytest.raises(CheckpointError, match=r"litert_dynamic_int8\.tflite: missing"):
        open_predictor(folder, "litert_dynamic_int8")


@pytest.mark.parametrize("path", ["openvino_int8/model.xml", "litert_dynamic_int8.tflite"])
def test_a_damaged_file(folder: Path, path: str) -> None:
    (folder / path).write_text("not a model")
    with pytest.raises(CheckpointError, match=r"not an? (OpenVINO|LiteRT) model \(.+\); export"):
        open_predictor(folder, path.partition("/")[0].removesuffix(".tflite"))


def test_a_damaged_saved_model(folder: Path) -> None:
    (folder / "saved_model/saved_model.pb").write_text("not a model")
    with pytest.raises(CheckpointError, match=r"saved_model: not a SavedModel"):
        open_predictor(folder, "saved_model")


def test_no_threads_are_too_few(toy_folder: Path) -> None:
    with pytest.raises(ConfigError, match="num_threads = 0; give 1 or more"):
        open_predictor(toy_folder, "openvino_int8", num_threads=0)


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_device_is_answered_with_the_available_ones(toy_folder: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"device 'XPU'.*available: CPU") as caught:
        open_predictor(toy_folder, name, device="XPU")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("openvino_int8", r"package openvino; pip install 'bertline\[openvino\]'"),
        ("litert_dynamic_int8", r"package ai_edge_litert; pip install 'bertline\[litert\]'"),
        ("saved_model", r"package tensorflow; pip install 'bertline\[pipeline\]'"),
    ],
)
def test_a_runtime_that_is_not_installed(
    toy_folder: Path, name: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_installed(package: str) -> ModuleSpec | None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", nothing_installed)
    with pytest.raises(ConfigError, match=remedy):
        open_predictor(toy_folder, name)


def test_a_file_with_other_outputs(folder: Path) -> None:
    save_openvino(folder / "openvino_int8/model.xml", output_names=("intent_logits", "tags"))
    with pytest.raises(CheckpointError, match=r"no outputs \['slot_logits'\]"):
        open_predictor(folder, "openvino_int8")


def test_tensorflow_threads_cannot_change_once_it_runs(toy_folder: Path) -> None:
    open_predictor(toy_folder, "saved_model")
    with pytest.raises(ConfigError, match="num_threads=3 comes too late"):
        open_predictor(toy_folder, "saved_model", num_threads=3)
