from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bertline.errors import CheckpointError, ConfigError, StageError
from bertline.export.inspection import check_integer_only, inspect
from bertline.export.listing import FORMATS
from bertline.export.text_input import TextInput, write_text_ir
from bertline.export.tflite import FLOATS, read_content
from bertline.features.batches import MODEL_INPUTS
from bertline.features.tokenizer import Tokenizer
from bertline.modeling.families.bert.config import BertConfig
from tests.export.conftest import SPEC
from tests.stages.toy_artifacts import write_vocab

LENGTH = 10
assert isinstance(SPEC.encoder, BertConfig)
H, INNER, L = SPEC.encoder.hidden_size, SPEC.encoder.intermediate_size, LENGTH
ATTENTION = SPEC.encoder.num_hidden_layers * 2 * L * L * H
DENSE = SPEC.encoder.num_hidden_layers * L * (4 * H * H + 2 * H * INNER) + H * H + 2 * H + L * 3 * H


def write_tflite(path: Path, function: "tf.types.experimental.ConcreteFunction") -> Path:
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([function]).convert())
    return path


@pytest.fixture(scope="module")
def integers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that looks int8 rows up: ids in, int8 out, [1, 4] → [1, 4, 3]."""

    @tf.function(input_signature=[tf.TensorSpec([1, 4], tf.int32)])  # type: ignore[untyped-decorator]
    def look_up(ids: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.constant(np.arange(15).reshape(5, 3), tf.int8), ids)

    path = tmp_path_factory.mktemp("integers") / "integers.tflite"
    return write_tflite(path, look_up.get_concrete_function())


def test_multiply_accumulates_of_a_float_file_are_those_of_its_shapes(exported: Path) -> None:
    found = inspect(exported / "litert_float32.tflite", LENGTH)
    assert (found.macs, found.integer_macs) == (ATTENTION + DENSE, 0)
    assert found.integer_mac_share == 0
    assert found.length == LENGTH
    assert found.operators["BATCH_MATMUL"] == 2 * SPEC.encoder.num_hidden_layers
    assert found.custom_operators == ()
    assert found.partitions is not None


def test_of_int8_activations_attention_alone_is_float(exported: Path) -> None:
    found = inspect(exported / "litert_int8.tflite", LENGTH)
    assert (found.macs, found.integer_macs) == (ATTENTION + DENSE, DENSE)
    assert found.integer_mac_share == pytest.approx(100 * DENSE / (ATTENTION + DENSE))


def test_float_bytes_are_told_apart(exported: Path) -> None:
    path = exported / "litert_float32.tflite"
    short, long = inspect(path, LENGTH), inspect(path, 2 * LENGTH)
    tensors = read_content(path).tensors
    stored = sum(each.constant_bytes or 0 for each in tensors if each.dtype in FLOATS)
    assert short.float_constant_bytes == long.float_constant_bytes == stored > 0
    assert short.float_activation_bytes < long.float_activation_bytes
    assert short.float_tensors == long.float_tensors
    assert inspect(exported / "litert_int8.tflite", LENGTH).float_constant_bytes < stored / 10
    mixed, int8 = (
        inspect(exported / f"litert_{name}.tflite", LENGTH) for name in ("int8_mixed", "int8")
    )
    seams = {name for name in int8.float_tensors if name.endswith("_dequant")}
    assert set(int8.float_tensors) - seams < set(mixed.float_tensors)


def test_a_text_that_the_file_has_no_positions_for_is_told(exported: Path) -> None:
    for file in ("litert_float32.tflite", "openvino_fp32/model.xml"):
        with pytest.raises(ConfigError, match=f"{file}: .* not take a text of 999 tokens; give a"):
            inspect(exported / file, 999)
        with pytest.raises(ConfigError, match="length 0; give 1 token or more"):
            inspect(exported / file, 0)


@pytest.mark.parametrize("file", ["litert_float32.tflite", "openvino_fp32/model.xml"])
def test_without_a_length_it_is_one_that_the_file_takes(exported: Path, file: str) -> None:
    assert SPEC.encoder.max_position_embeddings == 32
    assert inspect(exported / file).length == 32


def test_a_tokenizer_inside_multiplies_nothing(exported: Path, tmp_path: Path) -> None:
    write_vocab(tmp_path / "vocab.txt")
    tokenizer = Tokenizer.from_vocab(tmp_path / "vocab.txt", SPEC.encoder)
    text_input = TextInput(tokenizer, LENGTH, {name: name for name in MODEL_INPUTS})
    plain, inside = exported / "openvino_fp32/model.xml", tmp_path / "model.xml"
    write_text_ir(plain, inside, text_input)
    expected, found = inspect(plain, LENGTH), inspect(inside, LENGTH)
    assert (found.macs, found.length, found.batch) == (expected.macs, LENGTH, 1)
    assert found.float_tensor_bytes == expected.float_tensor_bytes
    assert expected.custom_operators == ()
    assert {"WordpieceTokenizer", "RaggedToDense"} < set(found.custom_operators)
    assert found.operators["WordpieceTokenizer"] == 1


def test_a_file_in_integers_alone_is_told_from_others(exported: Path, integers: Path) -> None:
    found = inspect(integers, 99)
    assert (found.float_tensors, found.float_tensor_bytes, found.length) == ((), 0, 4)
    check_integer_only(integers, LENGTH)
    with pytest.raises(StageError, match=r"litert_int8\.tflite: \d+ float tensors, .*: .+, …"):
        check_integer_only(exported / "litert_int8.tflite", LENGTH)


@pytest.mark.parametrize(("name", "integer"), [("openvino_fp32", False), ("openvino_int8", True)])
def test_openvino_is_judged_as_it_is_compiled(exported: Path, name: str, integer: bool) -> None:
    found = inspect(exported / FORMATS[name].path, LENGTH)
    assert found.macs == ATTENTION + DENSE
    assert (found.integer_mac_share > 50) is integer
    assert found.operators["FullyConnected"] >= 6 * SPEC.encoder.num_hidden_layers
    assert found.float_tensor_bytes > 0


def test_the_facts_are_a_table(integers: Path) -> None:
    lines = list(inspect(integers).lines())
    assert lines[0].split() == ["runtime", "litert"]
    assert lines[2].split() == ["batch", "1"]
    assert lines[3].split(maxsplit=2)[2] == "0.0 % of 0.0 M"
    assert "operators           1: GATHER 1" in lines


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.tflite").write_bytes(b"no such thing")
    (tmp_path / "a.xml").write_bytes(b"no such thing")
    (tmp_path / "a.txt").write_bytes(b"")
    for name, error in (("a.tflite", CheckpointError), ("a.xml", CheckpointError)):
        with pytest.raises(error, match="not a"):
            inspect(tmp_path / name)
    with pytest.raises(ConfigError, match=r"neither \.tflite nor \.xml"):
        inspect(tmp_path / "a.txt")
    with pytest.raises(ConfigError, match="no such file"):
        inspect(tmp_path / "b.tflite")
