import importlib.util
import shutil
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from bertline.errors import CheckpointError, ConfigError, DataError
from bertline.evaluation.predictors import open_predictor
from tests.toy_model import TABLES, save_openvino

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


def spoil(table: NDArray[np.float32], file: Path) -> None:
    """Makes the first number of a table NaN in the file that holds it."""
    content = file.read_bytes()
    number = np.float32(np.nan).tobytes()
    assert content.count(table.tobytes()) == 1
    file.write_bytes(content.replace(table.tobytes(), number + table.tobytes()[len(number) :]))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("openvino_int8", "openvino_int8/model.bin"),
        ("litert_dynamic_int8", "litert_dynamic_int8.tflite"),
    ],
)
def test_weights_that_are_not_finite_are_refused(folder: Path, name: str, file: str) -> None:
    spoil(TABLES["tag"], folder / file)
    with pytest.raises(CheckpointError, match=r"has 1 of 65 values that are NaN or infinite"):
        open_predictor(folder, name)


def save_with_variable(folder: Path, number: float, effect: Callable[[], object]) -> None:
    """Replaces the toy's SavedModel by one that has one variable and an effect."""
    module = tf.Module()
    module.number = tf.Variable([1.0, number])

    def serve(input_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        effect()
        rows = tf.cast(input_ids, tf.float32) * module.number[1]
        return {"intent_logits": rows, "slot_logits": rows[:, :, None]}

    spec = tf.TensorSpec((None, None), tf.int32, "input_ids")
    module.serve = tf.function(serve, input_signature=[spec])
    shutil.rmtree(folder / "saved_model")
    path = str(folder / "saved_model")
    tf.saved_model.save(module, path, signatures={"serving_default": module.serve})


def test_variables_that_are_not_finite_are_refused(folder: Path) -> None:
    save_with_variable(folder, np.inf, lambda: None)
    with pytest.raises(CheckpointError, match=r"Variable:0 has 1 of 2 values that are NaN or inf"):
        open_predictor(folder, "saved_model")


def test_a_saved_model_that_writes_files_needs_trust(folder: Path, tmp_path: Path) -> None:
    save_with_variable(folder, 2.0, lambda: tf.io.write_file(str(tmp_path / "touched"), "x"))
    with pytest.raises(CheckpointError, match="holds the operation WriteFile, which may read or"):
        open_predictor(folder, "saved_model")
    predictor = open_predictor(folder, "saved_model", trust=True)
    ids = np.array([[2, 3]], np.int32)
    batch = {"input_ids": ids, "input_mask": np.ones_like(ids)}
    assert predictor(batch)["intent_logits"].tolist() == [[4, 6]]
    assert (tmp_path / "touched").exists()


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
