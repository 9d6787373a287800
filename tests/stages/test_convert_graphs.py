"""Graphs of others, and input that is wrong."""

import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from bertline.errors import CheckpointError, ConfigError, DataError
from bertline.export.graph import graph_of_network
from bertline.export.listing import Exports
from bertline.export.openvino_core import core
from bertline.features.batches import MODEL_INPUTS
from bertline.modeling.model import build_encoder
from bertline.modeling.weights import assign, load_weights
from bertline.stages.convert import Settings, run
from tests.stages.conversions import (
    SPEC,
    by_litert,
    by_openvino,
    check_close,
    keras_encoder,
    some_batch,
)
from tests.stages.toy_artifacts import write_vocab


def write_frozen(wide_encoder: Path, file: Path) -> None:
    """Somebody's frozen graph: the toy's encoder with names and types of its own."""
    graph = graph_of_network(open_network(wide_encoder))

    def serve(ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
        values = (tf.cast(each, tf.int32) for each in (ids, attention_mask, token_type_ids))
        outputs = graph.compute(dict(zip(MODEL_INPUTS, values, strict=True)))
        return tf.identity(outputs["pooled_output"], name="pooled")

    names = ("input_word_ids", "attention_mask", "token_type_ids")
    specs = [tf.TensorSpec((None, None), tf.int64, name) for name in names]
    function = tf.function(serve).get_concrete_function(*specs)
    frozen = convert_variables_to_constants_v2(function).graph.as_graph_def()
    file.write_bytes(frozen.SerializeToString())


def open_network(wide_encoder: Path) -> keras.Model:
    network = build_encoder(SPEC.encoder, ["pooled", "sequence"])
    assign(network.trainable_variables, load_weights(wide_encoder / "weights.safetensors"), "toy")
    return network


def test_a_frozen_graph_keeps_its_names_and_types(
    wide_encoder: Path, texts: Path, tmp_path: Path
) -> None:
    write_frozen(wide_encoder, tmp_path / "bert.pb")
    write_vocab(tmp_path / "vocab.txt")
    formats = ("openvino_fp32", "openvino_int8", "litert")
    settings = Settings(formats=formats, calibration=str(texts), max_seq_length=16)
    run(settings, source=tmp_path / "bert.pb", exported=tmp_path / "x")
    file = Exports.read(tmp_path / "x").files[0]
    assert {(port.name, port.dtype) for port in file.inputs} == {
        (name, "int64") for name in ("input_word_ids", "attention_mask", "token_type_ids")
    }
    ((output, shape),) = [(port.name, port.shape) for port in file.outputs]
    assert shape == (None, 32)
    batch = some_batch(1, 8)
    names = ("input_word_ids", "attention_mask", "token_type_ids")
    theirs = {n: batch[ours].astype(np.int64) for n, ours in zip(names, MODEL_INPUTS, strict=True)}
    expected = {output: keras_encoder(wide_encoder)(batch)["pooled_output"]}
    check_close(by_openvino(tmp_path / "x/openvino_fp32/model.xml", theirs), expected)
    kinds = [
        node.get_type_name()
        for node in core().read_model(tmp_path / "x/openvino_int8/model.xml").get_ops()
    ]
    # Inputs of dense layers: query, key and value have one; then of the pooler.
    assert kinds.count("FakeQuantize") == 4 * SPEC.encoder.num_hidden_layers + 1
    check_close(by_litert(tmp_path / "x/litert_float32.tflite", theirs), expected)


def test_a_saved_model_and_some_of_its_outputs(
    converted: Path, wide_encoder: Path, tmp_path: Path
) -> None:
    settings = Settings(
        formats=("openvino_fp32", "litert", "saved_model"),
        output_names=("pooled_output",),
        static="1x8",
    )
    run(settings, source=converted / "saved_model", exported=tmp_path / "x")
    batch = some_batch(1, 8)
    expected = {"pooled_output": keras_encoder(wide_encoder)(batch)["pooled_output"]}
    check_close(by_openvino(tmp_path / "x/openvino_fp32/model.xml", batch), expected)
    check_close(by_litert(tmp_path / "x/litert_float32.tflite", batch), expected)
    assert [p.shape for p in Exports.read(tmp_path / "x").files[0].inputs] == [(1, 8)] * 3
    assert (tmp_path / "x/vocab.txt").is_file()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"formats": ["openvin"]}, "unknown format 'openvin'; did you mean 'openvino'?"),
        ({"formats": ["litert_float61"]}, "did you mean 'litert_float16'?"),
        ({"static": "128"}, "key 'static' = '128': .*expected BATCHxLENGTH, such as 1x128"),
        ({"static": "0x128"}, "expected BATCHxLENGTH"),
        ({"formats": ["openvino_int8"]}, "openvino_int8 needs texts for its ranges"),
        ({"formats": ["litert_integer"]}, "litert_integer needs training; a recipe with the stage"),
        ({"output": "pool"}, "key 'output' = 'pool'"),
    ],
)
def test_wrong_settings_are_told(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Settings.parse(values, where="convert")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(output="head"), r"encoder: the checkpoint has no head; give --output pooled"),
        (Settings(static="1x64"), "64 tokens asked for, the model takes 32; give a shorter length"),
        (Settings(max_seq_length=40), "40 tokens asked for, the model takes 32"),
        (Settings(output_names=("x",)), "--output-names are for graphs; give --output"),
    ],
)
def test_what_an_encoder_cannot_be_is_told(
    settings: Settings, message: str, wide_encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        run(settings, source=wide_encoder, exported=tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_graphs_that_cannot_be_read_are_told(converted: Path, tmp_path: Path) -> None:
    def problem(source: Path, **values: Any) -> str:
        with pytest.raises((CheckpointError, ConfigError)) as caught:
            run(Settings(**values), source=source, exported=tmp_path / "x")
        assert not (tmp_path / "x").exists()
        message = str(caught.value)
        assert "\n" not in message
        return message

    saved_model = converted / "saved_model"
    assert "no output 'pooled'; did you mean 'pooled_output'?" in problem(
        saved_model, output_names=("pooled",)
    )
    assert "--output is for checkpoints" in problem(saved_model, output="pooled")
    (tmp_path / "bad.pb").write_bytes(b"\xff\x01 no graph")
    assert "bad.pb: not a frozen graph (" in problem(tmp_path / "bad.pb")
    (tmp_path / "empty.pb").write_bytes(b"")
    assert "empty.pb: a graph without inputs or outputs" in problem(tmp_path / "empty.pb")
    shutil.copytree(saved_model, tmp_path / "damaged")
    (tmp_path / "damaged/saved_model.pb").write_bytes(b"\xff\x01")
    assert "damaged: not a SavedModel (" in problem(tmp_path / "damaged")
    tf.saved_model.save(tf.Module(), str(tmp_path / "bare"))
    assert "bare: no signature 'serving_default' (there: none)" in problem(tmp_path / "bare")
    (tmp_path / "nothing").mkdir()
    assert "nothing: no checkpoint, model folder, SavedModel" in problem(tmp_path / "nothing")
    static = tmp_path / "static"
    run(Settings(formats=("saved_model",), static="1x8"), source=saved_model, exported=static)
    assert "input 'input_ids' has the fixed shape [1, 8], not [2, 8]" in problem(
        static / "saved_model", static="2x8"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "texts.jsonl: no texts to take ranges from; give some hundred lines"),
        ('{"text": "word1"}\n{"txt": 1}\n', r"texts.jsonl:2: expected {\"text\": "),
        ("not JSON\n", "texts.jsonl:1: expected"),
    ],
)
def test_bad_calibration_is_told(
    content: str, message: str, wide_encoder: Path, tmp_path: Path
) -> None:
    (tmp_path / "texts.jsonl").write_text(content)
    settings = Settings(calibration=str(tmp_path / "texts.jsonl"))
    with pytest.raises(DataError, match=message):
        run(settings, source=wide_encoder, exported=tmp_path / "x")
    assert not (tmp_path / "x").exists()
