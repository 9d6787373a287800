"""`bertline convert`, from what a user types to the files, and what it says when it cannot."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from bertline.artifacts import read_json
from bertline.export.openvino_core import core
from bertline.features.batches import MODEL_INPUTS
from bertline.modeling.checkpoints import huggingface
from bertline.modeling.heads import HEADS
from bertline.modeling.model import build_encoder
from bertline.modeling.weights import assign
from pipelines.cli import main
from tests.modeling.toys import (
    VOCABULARY,
    batch_of,
    hugging_face_tensors,
    toy_config,
    write_hugging_face,
)
from tests.stages.toy_artifacts import write_model
from tests.storage.gcs_server import Cloud
from tests.training.toys import SPEC

Captured = pytest.CaptureFixture[str]
ATOL = 2e-5


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    write_hugging_face(tmp_path / "bert")
    return tmp_path / "bert"


def test_a_checkpoint_becomes_files(checkpoint: Path, tmp_path: Path, capsys: Captured) -> None:
    folder = tmp_path / "files"
    options = ["--to", "openvino_fp32", "--reshapable", "--output", "pooled", "-o", str(folder)]
    assert main(["convert", str(checkpoint), *options]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"{folder / 'openvino_fp32/model.xml'} (0.1 MB)"
    config = huggingface.read_config(checkpoint / "config.json")
    network = build_encoder(config, ["pooled"])
    assign(network.trainable_variables, huggingface.read_weights(checkpoint, config), "toy")
    compiled = core().compile_model(
        folder / "openvino_fp32/model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    for rows in ([[2, 8, 3]], [[2, 8, 3], [2, 9, 10, 11, 3]]):
        batch = batch_of(*rows, length=8)
        expected = network(batch, training=False)["pooled_output"]
        np.testing.assert_allclose(compiled(batch)["pooled_output"], expected, atol=1e-5)
    # Written again over the old ones.
    assert main(["convert", str(checkpoint), *options]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "openvin"], "unknown format 'openvin'; did you mean 'openvino'?"),
        (["--static", "128"], "expected BATCHxLENGTH, such as 1x128"),
        (["--output", "head"], "the checkpoint has no head; give --output pooled or sequence"),
        (["--calibration", "missing.jsonl"], "missing.jsonl"),
        (["--to", "openvino_int8"], "openvino_int8 needs texts for its ranges"),
    ],
)
def test_a_wrong_option_is_one_line(
    options: list[str], message: str, checkpoint: Path, tmp_path: Path, capsys: Captured
) -> None:
    assert main(["convert", str(checkpoint), *options, "-o", str(tmp_path / "files")]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
    assert not (tmp_path / "files").exists()


def test_a_head_that_is_not_supported_is_told_by_the_checkpoint_s_name(
    tmp_path: Path, capsys: Captured
) -> None:
    tensors = hugging_face_tensors(toy_config())
    tensors |= {"classifier.weight": np.ones((3, 8)), "classifier.bias": np.ones(3)}
    write_hugging_face(tmp_path / "ner", tensors, architectures=["BertForTokenClassification"])
    assert main(["convert", str(tmp_path / "ner"), "-o", str(tmp_path / "files")]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"error: {tmp_path / 'ner'}: its head is a token classifier, which is not supported; give "
        "--output sequence for its encoder alone"
    )


def test_what_is_no_checkpoint_is_told(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "notes").mkdir()
    for name in ("notes", "missing", "missing.pb"):
        assert main(["convert", str(tmp_path / name), "-o", str(tmp_path / "files")]) == 2
        assert capsys.readouterr().err.startswith(f"error: {tmp_path / name}")


def test_somebody_s_folder_is_not_replaced(
    checkpoint: Path, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/letter.txt").write_text("dear")
    assert main(["convert", str(checkpoint), "-o", str(tmp_path / "home")]) == 2
    assert "home: exists and is no folder of ours; give a new one" in capsys.readouterr().err
    assert (tmp_path / "home/letter.txt").read_text() == "dear"


def test_the_pipeline_converts_on_this_machine(
    checkpoint: Path, tmp_path: Path, capsys: Captured
) -> None:
    options = [
        *("--root", str(tmp_path / "runs")),
        *("--set", f"import_checkpoint.checkpoint={checkpoint}"),
        *("--set", "convert.formats=[litert]"),
    ]
    assert main(["run", "convert", *options]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    path = Path(line.removesuffix(" (0.0 MB)"))
    assert path.name == "litert_float32.tflite"
    assert len((path.parent / "vocab.txt").read_text().split()) == len(VOCABULARY)


def with_vocabulary(source: Path, target: Path) -> Path:
    """A copy of an oracle's checkpoint, which has none of its own."""
    target.mkdir()
    for file in source.iterdir():
        (target / file.name).symlink_to(file)
    size = read_json(source / "bert_config.json")["vocab_size"]
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{n}" for n in range(size - 4))]
    (target / "vocab.txt").write_text("\n".join(entries) + "\n")
    return target


def outputs_of(file: Path, batch: dict[str, Any]) -> dict[str, Any]:
    """What the IR or the LiteRT file of fixed shape gives for the batch."""
    if file.suffix == ".tflite":
        outputs: dict[str, Any] = Interpreter(str(file)).get_signature_runner()(**batch)
        return outputs
    compiled = core().compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return {port.any_name: value for port, value in compiled(batch).items()}


@pytest.mark.real
@pytest.mark.parametrize("file", ["openvino_fp32/model.xml", "litert_float32.tflite"])
def test_the_outputs_are_google_s(shared: Path, tmp_path: Path, file: str) -> None:
    source = with_vocabulary(shared / "oracle/bert_tf1/pretrain", tmp_path / "bert")
    oracle = np.load(source / "io.npz")
    batch = {name: oracle[name] for name in MODEL_INPUTS}
    options = ["--to", file.partition("/")[0].removesuffix(".tflite"), "--static", "5x24"]
    assert main(["convert", str(source), *options, "-o", str(tmp_path / "files")]) == 0
    found = outputs_of(tmp_path / "files" / file, batch)
    for name in ("pooled_output", "sequence_output"):
        np.testing.assert_allclose(found[name], oracle[name], rtol=0, atol=ATOL)


@pytest.mark.real
@pytest.mark.skipif("classifier" not in HEADS, reason="heads has no classifier yet")
@pytest.mark.parametrize("file", ["openvino_fp32/model.xml", "litert_float32.tflite"])
def test_the_logits_are_google_s(shared: Path, tmp_path: Path, file: str) -> None:
    source = with_vocabulary(shared / "oracle/bert_tf1/classifier", tmp_path / "bert")
    oracle = np.load(source / "io.npz")
    batch = {name: oracle[name] for name in MODEL_INPUTS}
    options = ["--to", file.partition("/")[0].removesuffix(".tflite"), "--static", "5x24"]
    options += ["--output", "head"]  # TF1 checkpoints do not tell that it is for texts
    assert main(["convert", str(source), *options, "-o", str(tmp_path / "files")]) == 0
    (logits,) = outputs_of(tmp_path / "files" / file, batch).values()
    np.testing.assert_allclose(logits, oracle["logits"], rtol=0, atol=ATOL)


def test_files_of_a_fixed_shape_are_predicted_with_compared_and_inspected(
    tmp_path: Path, capsys: Captured
) -> None:
    model, files = write_model(tmp_path / "model"), tmp_path / "files"
    formats = {"openvino_fp32": "/model.xml", "litert_float32": ".tflite", "saved_model": ""}
    options = ["--to", ",".join(formats), "--static", "2x9", "-o", str(files)]
    assert main(["convert", str(model), *options]) == 0
    assert read_json(files / "model.json")["inputs"]["max_seq_length"] == 9
    texts = ["play word4", "word5 play word6 " * 9, "word7"]  # more than a batch, one cut
    answers = []
    for name in formats:
        capsys.readouterr()
        assert main(["predict", "--model", str(files / name), *texts]) == 0
        # Runtimes round differently: probabilities differ in their third digit.
        answers.append(re.sub(r"0\.\d+", "", capsys.readouterr().out))
    assert answers[0] == answers[1] == answers[2]
    for name in ("openvino_fp32", "litert_float32"):
        assert main(["inspect", str(files / f"{name}{formats[name]}")]) == 0
        lines = [line.split() for line in capsys.readouterr().out.splitlines()]
        assert lines[1:3] == [["length", "9", "tokens"], ["batch", "2"]]
    data = tmp_path / "texts.jsonl"
    data.write_text("\n".join(json.dumps(text) for text in texts))
    compared = [str(files / name) for name in ("openvino_fp32", "litert_float32")]
    assert main(["diff", *compared, "--data", str(data)]) == 0
    assert capsys.readouterr().out == "0 of 3 answers differ\n"


def test_a_text_may_have_as_many_tokens_as_the_model_has_positions(
    tmp_path: Path, capsys: Captured
) -> None:
    encoder = SPEC.encoder.model_copy(update={"max_position_embeddings": 30})
    inputs = SPEC.inputs.model_copy(update={"max_seq_length": 30})
    spec = SPEC.model_copy(update={"encoder": encoder, "inputs": inputs})
    model, files = write_model(tmp_path / "model", spec), tmp_path / "files"
    assert (
        main(["convert", str(model), "--to", "openvino,litert,saved_model", "-o", str(files)]) == 0
    )
    for name in ("openvino_fp16", "litert_float32", "saved_model"):
        capsys.readouterr()
        assert main(["predict", "--model", str(files / name), "word5 " * 28]) == 0
        assert "intent: " in capsys.readouterr().out


def test_a_shape_without_room_for_a_text_is_refused(tmp_path: Path, capsys: Captured) -> None:
    model = write_model(tmp_path / "model")
    options = ["--static", "1x2", "-o", str(tmp_path / "files")]
    assert main(["convert", str(model), *options]) == 2
    assert capsys.readouterr().err == (
        "error: convert: texts of 2 tokens: key 'max_seq_length' = 2: Input should be greater "
        "than or equal to 3\n"
    )


def test_a_model_at_an_address_is_called_by_it(
    cloud: Cloud, tmp_path: Path, capsys: Captured
) -> None:
    cloud.put(**{"model/model.json": b"{}", "model/vocab.txt": b""})
    assert main(["convert", "gs://data/model", "-o", str(tmp_path / "files")]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: gs://data/model/model.json: key ")
