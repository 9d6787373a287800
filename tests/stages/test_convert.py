"""What convert writes is run in its runtime and compared with Keras."""

import shutil
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import bertline
from bertline.artifacts import files_of, read_json, read_manifest, write_json
from bertline.errors import CheckpointError, ConfigError
from bertline.evaluation.predictors import open_predictor
from bertline.export.listing import Exports
from bertline.export.openvino_core import core
from bertline.export.source import open_source
from bertline.features.batches import MODEL_INPUTS
from bertline.modeling.checkpoints.heads import HeadSpec
from bertline.modeling.config import ModelSpec
from bertline.modeling.weights import load_weights, save_weights
from bertline.stages.convert import Settings, is_source, run
from tests.modeling.toys import batch_of
from tests.stages.conversions import (
    SHAPES,
    SPEC,
    by_litert,
    by_openvino,
    check_close,
    keras_encoder,
    some_batch,
)
from tests.storage.gcs_server import Cloud


@pytest.mark.parametrize("place", ["gs://data", "{}"])
def test_what_is_converted_as_it_is(cloud: Cloud, tmp_path: Path, place: str) -> None:
    place = place.format(tmp_path)
    for name in ("model/model.json", "encoder/encoder.json", "tf/saved_model.pb", "a.pb", "b/c"):
        cloud.put(**{name: b""})
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name in ("model", "encoder/", "tf", "a.pb"):
        assert is_source(f"{place}/{name}")
    for name in ("b", "a", "c.pb", "mod"):
        assert not is_source(f"{place}/{name}")
    assert not is_source("uncased_L-12_H-768_A-12")


def test_the_folder_tells_what_it_is(wide_encoder: Path, converted: Path) -> None:
    names = {str(path.relative_to(converted)).split("/")[0] for path in files_of(converted)}
    assert names == {
        *("encoder.json", "exports.json", "litert_float32.tflite", "manifest.json"),
        *("openvino_fp32", "saved_model", "vocab.txt"),
    }
    assert read_json(converted / "encoder.json") == read_json(wide_encoder / "encoder.json")
    assert (converted / "vocab.txt").read_bytes() == (wide_encoder / "vocab.txt").read_bytes()
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
    wide_encoder: Path, converted: Path, shape: tuple[int, int]
) -> None:
    batch = some_batch(*shape)
    expected = keras_encoder(wide_encoder)(batch)
    check_close(by_openvino(converted / "openvino_fp32/model.xml", batch), expected)
    check_close(by_litert(converted / "litert_float32.tflite", batch), expected, rows=1)
    function = tf.saved_model.load(str(converted / "saved_model"))
    signature = function.signatures["serving_default"]
    tensors = {name: tf.constant(value) for name, value in batch.items()}
    check_close(signature(**tensors), expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_ir_is_reshapable(wide_encoder: Path, converted: Path, shape: tuple[int, int]) -> None:
    model = core().read_model(converted / "openvino_fp32/model.xml")
    assert all(port.element_type == ov.Type.i32 for port in model.inputs)
    assert all(port.partial_shape == ov.PartialShape([-1, -1]) for port in model.inputs)
    model.reshape({port: list(shape) for port in model.inputs})
    assert model.output("pooled_output").shape == [shape[0], 32]
    assert model.output("sequence_output").shape == [*shape, 32]
    compiled = core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    batch = some_batch(*shape)
    pooled = compiled(batch)["pooled_output"]
    np.testing.assert_allclose(
        pooled, keras_encoder(wide_encoder)(batch)["pooled_output"], atol=1e-5
    )


def test_no_dropout_is_left(with_head: Path) -> None:
    assert ModelSpec.read(with_head).encoder.hidden_dropout_prob > 0
    kinds = {
        node.get_type_name()
        for name in ("openvino_fp16", "openvino_int8")
        for node in core().read_model(with_head / name / "model.xml").get_ops()
    }
    interpreter = Interpreter(str(with_head / "litert_float32.tflite"))
    kinds |= {operation["op_name"] for operation in interpreter._get_ops_details()}
    loaded = tf.saved_model.load(str(with_head / "saved_model"))
    graph = loaded.signatures["serving_default"].graph.as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    kinds |= {node.op for node in nodes}
    assert {"MatMul", "FULLY_CONNECTED"} <= kinds
    assert not [kind for kind in kinds if "random" in kind.lower() or "dropout" in kind.lower()]


def test_the_head_is_inside_every_file(with_head: Path, wide_model: Path) -> None:
    """Nothing but the file is needed for the logits, and predictors open them."""
    assert read_json(with_head / "model.json") == read_json(wide_model / "model.json")
    network = open_source(wide_model).graph
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
    model = core().read_model(with_head / "openvino_int8/model.xml")
    kinds = [node.get_type_name() for node in model.get_ops()]
    # Inputs of dense layers: query, key and value have one; then of pooler and both heads.
    assert kinds.count("FakeQuantize") == 4 * SPEC.encoder.num_hidden_layers + 3
    int8 = [
        node
        for node in model.get_ops()
        if node.get_type_name() == "Constant" and node.get_element_type() == ov.Type.i8
    ]
    # Query, key, value, output, two of feed-forward in every layer; pooler, heads, embeddings.
    assert len(int8) >= 6 * SPEC.encoder.num_hidden_layers + 3
    calibration = Exports.read(with_head).calibration
    assert (calibration.count, calibration.ids[:2]) == (40, ("t0", "t1"))


def test_static_shapes_are_in_every_file(wide_encoder: Path, tmp_path: Path) -> None:
    formats = ("openvino_fp32", "litert", "saved_model")
    run(
        Settings(formats=formats, static="2x16", output="pooled"),
        source=wide_encoder,
        exported=tmp_path / "x",
    )
    folder = tmp_path / "x"
    batch = some_batch(2, 16)
    expected = {"pooled_output": keras_encoder(wide_encoder)(batch)["pooled_output"]}
    model = core().read_model(folder / "openvino_fp32/model.xml")
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


def test_a_model_gives_its_encoder_alone_when_asked(wide_model: Path, tmp_path: Path) -> None:
    settings = Settings(formats=("litert",), output="sequence")
    run(settings, source=wide_model, exported=tmp_path / "x")
    assert not (tmp_path / "x/model.json").exists()
    batch = some_batch(1, 8)
    expected = {"sequence_output": keras_encoder(wide_model)(batch)["sequence_output"]}
    check_close(by_litert(tmp_path / "x/litert_float32.tflite", batch), expected)


def test_an_imported_head_is_inside(wide_encoder: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    kernel = random.normal(size=(32, 3)).astype("float32")
    bias = random.normal(size=3).astype("float32")
    shutil.copytree(wide_encoder, tmp_path / "tuned")
    tensors = {"label_dense/kernel": kernel, "label_dense/bias": bias}
    save_weights(tensors, tmp_path / "tuned/head.safetensors")
    HeadSpec(name="classifier", classes=("bad", "so so", "good")).write(tmp_path / "tuned")
    settings = Settings(formats=("openvino_fp32", "litert"))
    run(settings, source=tmp_path / "tuned", exported=tmp_path / "x")
    spec = ModelSpec.read(tmp_path / "x")
    assert (spec.head, spec.labels) == ("classifier", {"classes": ["bad", "so so", "good"]})
    (answer,) = bertline.load(tmp_path / "x", "litert_float32").predict(["word3"])
    assert list(answer.probabilities) == ["bad", "so so", "good"]
    assert answer.label == max(answer.probabilities, key=answer.probabilities.__getitem__)
    batch = some_batch(1, 16)
    expected = np.asarray(keras_encoder(wide_encoder)(batch)["pooled_output"]) @ kernel + bias
    for outputs in (
        by_openvino(tmp_path / "x/openvino_fp32/model.xml", batch),
        by_litert(tmp_path / "x/litert_float32.tflite", batch),
    ):
        (logits,) = outputs.values()
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)
    assert not (tmp_path / "x/head.safetensors").exists()


def test_heads_of_pre_training_are_no_answer(wide_encoder: Path, tmp_path: Path) -> None:
    shutil.copytree(wide_encoder, tmp_path / "bert")
    tensors = {"nsp/bias": np.zeros(2, "float32"), "mlm/bias": np.zeros(30, "float32")}
    save_weights(tensors, tmp_path / "bert/head.safetensors")
    source = open_source(tmp_path / "bert")
    assert source.graph.outputs == ("pooled_output", "sequence_output")
    assert source.left_out == (
        "the head that predicts masked words",
        "the head of next sentences",
    )


@pytest.mark.parametrize(
    ("head", "output", "message"),
    [
        (HeadSpec(name="token classifier"), None, "its head is a token classifier, which is not"),
        (HeadSpec(name="regression"), "head", "its head is a regression, which is not supported"),
        (
            HeadSpec(name="classifier", classes=("0", "1"), is_certain=False),
            None,
            "does not tell whether its head of 2 classes is for texts or for tokens; give --output",
        ),
    ],
)
def test_no_head_is_taken_for_another(
    wide_encoder: Path, tmp_path: Path, head: HeadSpec, output: str | None, message: str
) -> None:
    shutil.copytree(wide_encoder, tmp_path / "bert")
    head.write(tmp_path / "bert")
    with pytest.raises(CheckpointError, match=message):
        open_source(tmp_path / "bert", output)
    assert open_source(tmp_path / "bert", "sequence").graph.outputs == ("sequence_output",)


def test_a_head_that_may_be_another_is_a_classifier_when_asked_for(
    wide_encoder: Path, tmp_path: Path
) -> None:
    shutil.copytree(wide_encoder, tmp_path / "bert")
    HeadSpec(name="classifier", classes=("0", "1"), is_certain=False).write(tmp_path / "bert")
    tensors = {"label_dense/kernel": np.ones((32, 2), "f4"), "label_dense/bias": np.ones(2, "f4")}
    save_weights(tensors, tmp_path / "bert/head.safetensors")
    assert open_source(tmp_path / "bert", "head").graph.outputs == ("label_logits",)


def without_pooler(encoder: Path, folder: Path) -> Path:
    shutil.copytree(encoder, folder)
    write_json(folder / "encoder.json", read_json(folder / "encoder.json") | {"has_pooler": False})
    weights = load_weights(encoder / "weights.safetensors")
    kept = {path: value for path, value in weights.items() if "pooler" not in path}
    save_weights(kept, folder / "weights.safetensors")
    return folder


def test_without_a_pooler_there_is_no_pooled_output(wide_encoder: Path, tmp_path: Path) -> None:
    folder = without_pooler(wide_encoder, tmp_path / "bert")
    with pytest.raises(ConfigError, match="no pooler; give --output sequence, whose mean over the"):
        open_source(folder, "pooled")
    run(Settings(formats=("saved_model",)), source=folder, exported=tmp_path / "x")
    (file,) = Exports.read(tmp_path / "x").files
    assert [port.name for port in file.outputs] == ["sequence_output"]
    variables = tf.train.list_variables(str(tmp_path / "x/saved_model/variables/variables"))
    stored = [name for name, _ in variables if name.startswith("variables_of_graph/")]
    assert len(stored) == len(load_weights(folder / "weights.safetensors"))


def test_answers_to_questions_need_no_pooler(wide_encoder: Path, tmp_path: Path) -> None:
    """As Hugging Face saves a BertForQuestionAnswering."""
    folder = without_pooler(wide_encoder, tmp_path / "bert")
    kernel = np.random.default_rng(0).normal(size=(32, 2)).astype("f4")
    head = {"span_dense/kernel": kernel, "span_dense/bias": np.zeros(2, "f4")}
    save_weights(head, folder / "head.safetensors")
    HeadSpec(name="answer_span").write(folder)
    run(Settings(formats=("openvino_fp32", "litert")), source=folder, exported=tmp_path / "x")
    batch = some_batch(1, 8)
    logits = np.asarray(keras_encoder(wide_encoder)(batch)["sequence_output"]) @ kernel
    expected = {"start_logits": logits[..., 0], "end_logits": logits[..., 1]}
    for file in Exports.read(tmp_path / "x").files:
        found = open_predictor(tmp_path / "x", file.name)(batch)
        check_close(found, expected, atol=0.2 if file.runtime == "openvino" else 1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(
    wide_model: Path, tmp_path: Path, bad: float
) -> None:
    shutil.copytree(wide_model, tmp_path / "model")
    weights = load_weights(wide_model / "weights.safetensors")
    weights["encoder/layer_1/output/kernel"][3, 5] = bad
    save_weights(weights, tmp_path / "model/weights.safetensors")
    with pytest.raises(CheckpointError, match="encoder/layer_1/output/kernel has 1 of 2048 values"):
        run(Settings(), source=tmp_path / "model", exported=tmp_path / "x")
    assert not (tmp_path / "x").exists()
