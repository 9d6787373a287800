"""What convert writes is run in its runtime and compared with Keras."""

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import openvino as ov
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from bertline.artifacts import files_of, read_json, read_manifest, write_text
from bertline.errors import CheckpointError, ConfigError, DataError
from bertline.evaluation.predictors import open_predictor
from bertline.export.graph import graph_of_network
from bertline.export.listing import Exports
from bertline.export.source import open_source
from bertline.features.batches import MODEL_INPUTS
from bertline.modeling.config import ModelSpec
from bertline.modeling.heads import HEADS
from bertline.modeling.model import build_encoder
from bertline.modeling.weights import assign, load_weights, save_weights
from bertline.stages.convert import Settings, run
from tests.modeling.toys import batch_of, toy_spec
from tests.stages.toy_artifacts import write_encoder, write_model, write_vocab

SHAPES = [(1, 8), (3, 24), (2, 32)]
# The least size at which NNCF and OpenVINO treat the parts as they do in real models.
SPEC = toy_spec(hidden_size=32, intermediate_size=64, initializer_range=0.3)
Outputs = dict[str, NDArray[np.float32]]


def some_batch(batch: int, length: int) -> dict[str, NDArray[np.int32]]:
    random = np.random.default_rng(length)
    rows = [random.integers(4, 30, max(2, length - 3 * row)).tolist() for row in range(batch)]
    return batch_of(*rows, length=length)


def by_openvino(path: Path, batch: dict[str, Any]) -> Outputs:
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    results = ov.Core().compile_model(path, "CPU", options)(batch)
    return {port.any_name: value for port, value in results.items()}


def by_litert(path: Path, batch: dict[str, Any]) -> Outputs:
    """The outputs for the first row, which is all that a file of batch 1 takes."""
    interpreter = Interpreter(str(path))
    signature = interpreter.get_signature_runner()
    details = signature.get_input_details()
    if -1 in details["input_ids"]["shape_signature"]:
        del signature
        for detail in details.values():
            interpreter.resize_tensor_input(detail["index"], [1, batch["input_ids"].shape[1]])
        signature = interpreter.get_signature_runner()
    results: Outputs = signature(**{name: value[:1] for name, value in batch.items()})
    return results


def check_close(
    found: Outputs, expected: Outputs, rows: int | None = None, atol: float = 1e-5
) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], np.asarray(value)[:rows], rtol=0, atol=atol)


def keras_encoder(folder: Path) -> Any:
    network = build_encoder(SPEC.encoder, ["pooled", "sequence"])
    assign(network.trainable_variables, load_weights(folder / "weights.safetensors"), "toy")
    return lambda batch: network(batch, training=False)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("toy") / "encoder", SPEC)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(1)
    return write_model(tmp_path_factory.mktemp("toy") / "model", SPEC)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("texts") / "texts.jsonl"
    lines = [{"text": f"word{n % 26} word{n * 7 % 26} word3", "id": f"t{n}"} for n in range(40)]
    write_text(file, "".join(json.dumps(line) + "\n" for line in lines))
    return file


@pytest.fixture(scope="module")
def converted(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder in forms that lose nothing; its two outputs, open shapes."""
    folder = tmp_path_factory.mktemp("converted") / "encoder"
    formats = ("openvino_fp32", "litert", "saved_model")
    run(Settings(formats=formats), source=encoder, exported=folder)
    return folder


@pytest.fixture(scope="module")
def with_head(model: Path, texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with its head, calibrated."""
    folder = tmp_path_factory.mktemp("converted") / "model"
    run(Settings(calibration=str(texts)), source=model, exported=folder)
    return folder


def test_the_folder_tells_what_it_is(encoder: Path, converted: Path) -> None:
    names = {str(path.relative_to(converted)).split("/")[0] for path in files_of(converted)}
    assert names == {
        *("encoder.json", "exports.json", "litert_float32.tflite", "manifest.json"),
        *("openvino_fp32", "saved_model", "vocab.txt"),
    }
    assert read_json(converted / "encoder.json") == read_json(encoder / "encoder.json")
    assert (converted / "vocab.txt").read_bytes() == (encoder / "vocab.txt").read_bytes()
    assert len(read_manifest(converted, "exported").about["source_sha256"]) == 64
    file = Exports.read(converted).files[0]
    assert {(port.name, port.dtype, port.shape) for port in file.inputs} == {
        (name, "int32", (None, None)) for name in MODEL_INPUTS
    }
    assert {port.name: port.shape for port in file.outputs} == {
        "pooled_output": (None, 32),
        "sequence_output": (None, None, 32),
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_every_runtime_gives_keras_outputs_at_every_shape(
    encoder: Path, converted: Path, shape: tuple[int, int]
) -> None:
    batch = some_batch(*shape)
    expected = keras_encoder(encoder)(batch)
    check_close(by_openvino(converted / "openvino_fp32/model.xml", batch), expected)
    check_close(by_litert(converted / "litert_float32.tflite", batch), expected, rows=1)
    function = tf.saved_model.load(str(converted / "saved_model"))
    signature = function.signatures["serving_default"]
    tensors = {name: tf.constant(value) for name, value in batch.items()}
    check_close(signature(**tensors), expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_ir_is_reshapable(encoder: Path, converted: Path, shape: tuple[int, int]) -> None:
    model = ov.Core().read_model(converted / "openvino_fp32/model.xml")
    assert all(port.element_type == ov.Type.i32 for port in model.inputs)
    assert all(port.partial_shape == ov.PartialShape([-1, -1]) for port in model.inputs)
    model.reshape({port: list(shape) for port in model.inputs})
    assert model.output("pooled_output").shape == [shape[0], 32]
    assert model.output("sequence_output").shape == [*shape, 32]
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    batch = some_batch(*shape)
    pooled = compiled(batch)["pooled_output"]
    np.testing.assert_allclose(pooled, keras_encoder(encoder)(batch)["pooled_output"], atol=1e-5)


def test_no_dropout_is_left(with_head: Path) -> None:
    assert ModelSpec.read(with_head).encoder.hidden_dropout_prob > 0
    kinds = {
        node.get_type_name()
        for name in ("openvino_fp16", "openvino_int8")
        for node in ov.Core().read_model(with_head / name / "model.xml").get_ops()
    }
    interpreter = Interpreter(str(with_head / "litert_float32.tflite"))
    kinds |= {operation["op_name"] for operation in interpreter._get_ops_details()}
    loaded = tf.saved_model.load(str(with_head / "saved_model"))
    graph = loaded.signatures["serving_default"].graph.as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    kinds |= {node.op for node in nodes}
    assert {"MatMul", "FULLY_CONNECTED"} <= kinds
    assert not [kind for kind in kinds if "random" in kind.lower() or "dropout" in kind.lower()]


def test_the_head_is_inside_every_file(with_head: Path, model: Path) -> None:
    """Nothing but the file is needed for the logits, and predictors open them."""
    assert read_json(with_head / "model.json") == read_json(model / "model.json")
    network = open_source(model).graph
    batch = batch_of([2, 5, 7, 7, 3], length=8)
    expected = {k: np.asarray(v) for k, v in network.compute(batch).items()}
    assert set(expected) == {"intent_logits", "slot_logits"}
    atol = {"openvino_int8": 1.0, "openvino_fp16": 0.2}
    files = Exports.read(with_head).files
    assert [file.name for file in files] == [
        *("openvino_fp16", "litert_float32", "saved_model", "openvino_int8"),
    ]
    for file in files:
        logits = open_predictor(with_head, file.name)(batch)
        check_close(logits, expected, atol=atol.get(file.name, 1e-5))


def test_int8_is_calibrated_by_the_texts(with_head: Path) -> None:
    model = ov.Core().read_model(with_head / "openvino_int8/model.xml")
    kinds = [node.get_type_name() for node in model.get_ops()]
    assert kinds.count("FakeQuantize") >= 6 * SPEC.encoder.num_hidden_layers
    int8 = [
        node
        for node in model.get_ops()
        if node.get_type_name() == "Constant" and node.get_element_type() == ov.Type.i8
    ]
    # Query, key, value, output, two of feed-forward in every layer; pooler, heads, embeddings.
    assert len(int8) >= 6 * SPEC.encoder.num_hidden_layers + 3
    calibration = Exports.read(with_head).calibration
    assert (calibration.count, calibration.ids[:2]) == (40, ("t0", "t1"))


def test_static_shapes_are_in_every_file(encoder: Path, tmp_path: Path) -> None:
    formats = ("openvino_fp32", "litert", "saved_model")
    run(
        Settings(formats=formats, static="2x16", output="pooled"),
        source=encoder,
        exported=tmp_path / "x",
    )
    folder = tmp_path / "x"
    batch = some_batch(2, 16)
    expected = {"pooled_output": keras_encoder(encoder)(batch)["pooled_output"]}
    model = ov.Core().read_model(folder / "openvino_fp32/model.xml")
    assert [list(port.shape) for port in model.inputs] == [[2, 16]] * 3
    check_close(by_openvino(folder / "openvino_fp32/model.xml", batch), expected)
    runner = Interpreter(str(folder / "litert_float32.tflite")).get_signature_runner()
    details = runner.get_input_details().values()
    assert [detail["shape_signature"].tolist() for detail in details] == [[2, 16]] * 3
    check_close(runner(**batch), expected)
    loaded = tf.saved_model.load(str(folder / "saved_model"))
    specs = loaded.signatures["serving_default"].structured_input_signature[1]
    assert [spec.shape.as_list() for spec in specs.values()] == [[2, 16]] * 3
    for file in Exports.read(folder).files:
        assert [port.shape for port in file.inputs] == [(2, 16)] * 3
        assert [(port.name, port.shape) for port in file.outputs] == [("pooled_output", (2, 32))]


def test_a_model_gives_its_encoder_alone_when_asked(model: Path, tmp_path: Path) -> None:
    settings = Settings(formats=("litert",), output="sequence")
    run(settings, source=model, exported=tmp_path / "x")
    assert not (tmp_path / "x/model.json").exists()
    batch = some_batch(1, 8)
    expected = {"sequence_output": keras_encoder(model)(batch)["sequence_output"]}
    check_close(by_litert(tmp_path / "x/litert_float32.tflite", batch), expected)


def classifier(encoded: Any, spec: ModelSpec, policy: Any) -> dict[str, Any]:
    logits = keras.layers.Dense(len(spec.labels["labels"]), name="label_dense")
    return {"label_logits": logits(keras.layers.Dropout(0.1)(encoded["pooled"]))}


def test_an_imported_head_is_inside(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(HEADS, "classifier", HEADS.get("classifier", classifier))
    random = np.random.default_rng(0)
    kernel = random.normal(size=(32, 3)).astype("float32")
    bias = random.normal(size=3).astype("float32")
    shutil.copytree(encoder, tmp_path / "tuned")
    tensors = {"label_dense/kernel": kernel, "label_dense/bias": bias}
    save_weights(tensors, tmp_path / "tuned/head.safetensors")
    settings = Settings(formats=("openvino_fp32", "litert"))
    run(settings, source=tmp_path / "tuned", exported=tmp_path / "x")
    spec = ModelSpec.read(tmp_path / "x")
    assert (spec.head, spec.labels) == ("classifier", {"labels": ["0", "1", "2"]})
    batch = some_batch(1, 16)
    expected = np.asarray(keras_encoder(encoder)(batch)["pooled_output"]) @ kernel + bias
    for outputs in (
        by_openvino(tmp_path / "x/openvino_fp32/model.xml", batch),
        by_litert(tmp_path / "x/litert_float32.tflite", batch),
    ):
        (logits,) = outputs.values()
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)
    assert not (tmp_path / "x/head.safetensors").exists()


def test_heads_of_pre_training_are_no_answer(encoder: Path, tmp_path: Path) -> None:
    shutil.copytree(encoder, tmp_path / "bert")
    save_weights({"nsp/bias": np.zeros(2, "float32")}, tmp_path / "bert/head.safetensors")
    assert open_source(tmp_path / "bert").graph.outputs == ("pooled_output", "sequence_output")


def write_frozen(encoder: Path, file: Path) -> None:
    """Somebody's frozen graph: the toy's encoder with names and types of its own."""
    graph = graph_of_network(open_network(encoder))

    def serve(ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
        values = (tf.cast(each, tf.int32) for each in (ids, attention_mask, token_type_ids))
        outputs = graph.compute(dict(zip(MODEL_INPUTS, values, strict=True)))
        return tf.identity(outputs["pooled_output"], name="pooled")

    names = ("input_word_ids", "attention_mask", "token_type_ids")
    specs = [tf.TensorSpec((None, None), tf.int64, name) for name in names]
    function = tf.function(serve).get_concrete_function(*specs)
    frozen = convert_variables_to_constants_v2(function).graph.as_graph_def()
    file.write_bytes(frozen.SerializeToString())


def open_network(encoder: Path) -> keras.Model:
    network = build_encoder(SPEC.encoder, ["pooled", "sequence"])
    assign(network.trainable_variables, load_weights(encoder / "weights.safetensors"), "toy")
    return network


def test_a_frozen_graph_keeps_its_names_and_types(
    encoder: Path, texts: Path, tmp_path: Path
) -> None:
    write_frozen(encoder, tmp_path / "bert.pb")
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
    expected = {output: keras_encoder(encoder)(batch)["pooled_output"]}
    check_close(by_openvino(tmp_path / "x/openvino_fp32/model.xml", theirs), expected)
    kinds = [
        node.get_type_name()
        for node in ov.Core().read_model(tmp_path / "x/openvino_int8/model.xml").get_ops()
    ]
    assert kinds.count("FakeQuantize") >= 6 * SPEC.encoder.num_hidden_layers
    check_close(by_litert(tmp_path / "x/litert_float32.tflite", theirs), expected)


def test_a_saved_model_and_some_of_its_outputs(
    converted: Path, encoder: Path, tmp_path: Path
) -> None:
    settings = Settings(
        formats=("openvino_fp32", "litert", "saved_model"),
        output_names=("pooled_output",),
        static="1x8",
    )
    run(settings, source=converted / "saved_model", exported=tmp_path / "x")
    batch = some_batch(1, 8)
    expected = {"pooled_output": keras_encoder(encoder)(batch)["pooled_output"]}
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
    settings: Settings, message: str, encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        run(settings, source=encoder, exported=tmp_path / "x")
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
def test_bad_calibration_is_told(content: str, message: str, encoder: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.jsonl").write_text(content)
    settings = Settings(calibration=str(tmp_path / "texts.jsonl"))
    with pytest.raises(DataError, match=message):
        run(settings, source=encoder, exported=tmp_path / "x")
    assert not (tmp_path / "x").exists()
