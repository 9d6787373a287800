import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertline.artifacts import files_of, read_manifest
from bertline.errors import CheckpointError, ConfigError, UserError
from bertline.modeling.checkpoints.heads import HeadSpec
from bertline.modeling.families.base import EncoderConfig
from bertline.modeling.families.bert.shapes import encoder_shapes
from bertline.modeling.families.lookup import read_encoder
from bertline.modeling.weights import load_weights, weights_digest
from bertline.stages.import_checkpoint import Settings, run
from tests.modeling.toys import (
    VOCABULARY,
    Arrays,
    google_name,
    hugging_face_tensors,
    toy_config,
    write_google,
    write_hugging_face,
)
from tests.storage.raw_server import RawServer, ok


def import_from(checkpoint: Path, **settings: Any) -> Path:
    encoder = checkpoint.parent / "encoder"
    run(Settings(checkpoint=str(checkpoint), **settings), encoder=encoder)
    return encoder


def classifier(count: int) -> Arrays:
    return {
        "classifier.weight": np.ones((count, 8), np.float32),
        "classifier.bias": np.zeros(count, np.float32),
    }


def google_tensors() -> Arrays:
    shapes = encoder_shapes(toy_config())
    return {google_name(path): np.full(shape, 0.5, "f4") for path, shape in shapes.items()}


def config_of(encoder: Path) -> EncoderConfig:
    return read_encoder(encoder)


def test_a_hugging_face_folder(tmp_path: Path) -> None:
    config, tensors = write_hugging_face(tmp_path / "bert")
    encoder = import_from(tmp_path / "bert")
    assert config_of(encoder) == config
    assert (encoder / "vocab.txt").read_text().split() == VOCABULARY
    weights = load_weights(encoder / "weights.safetensors")
    query = tensors["encoder.layer.1.attention.self.query.weight"]
    np.testing.assert_array_equal(weights["encoder/layer_1/attention/query/kernel"], query.T)
    assert read_manifest(encoder, "encoder").about == {
        "checkpoint": str(tmp_path / "bert"),
        "weights_sha256": weights_digest(weights),
        "layers_dropped": 0,
        "heads": {},
    }


def test_a_google_folder(tmp_path: Path) -> None:
    write_google(tmp_path / "bert", google_tensors())
    encoder = import_from(tmp_path / "bert")
    assert config_of(encoder) == toy_config(hidden_act="gelu_tanh")
    weights = load_weights(encoder / "weights.safetensors")
    assert weights.keys() == encoder_shapes(toy_config()).keys()
    assert not (encoder / "head.safetensors").exists()


def test_heads_have_a_file_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kernel = np.arange(24, dtype=np.float32).reshape(3, 8)
    heads: Arrays = {"output_weights": kernel, "output_bias": np.ones(3, np.float32)}
    write_google(tmp_path / "bert", google_tensors() | heads)
    encoder = import_from(tmp_path / "bert")
    found = load_weights(encoder / "head.safetensors")
    assert found.keys() == {"label_dense/kernel", "label_dense/bias"}
    np.testing.assert_array_equal(found["label_dense/kernel"], kernel.T)
    shapes = {"label_dense/bias": [3], "label_dense/kernel": [8, 3]}
    assert read_manifest(encoder, "encoder").about["heads"] == shapes
    weights = load_weights(encoder / "weights.safetensors")
    assert weights.keys() == encoder_shapes(toy_config()).keys()
    out = capsys.readouterr().out
    assert out == "encoder: 2 layers, hidden size 8, uncased\n  with heads: label_dense\n"


@pytest.mark.parametrize(
    ("architecture", "values", "name"),
    [
        ("BertForTokenClassification", {}, "token classifier"),
        (
            "BertForSequenceClassification",
            {"problem_type": "multi_label_classification"},
            "multi-label classifier",
        ),
    ],
)
def test_a_head_that_is_not_supported_is_left_out_and_said(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    architecture: str,
    values: dict[str, Any],
    name: str,
) -> None:
    tensors = hugging_face_tensors(toy_config()) | classifier(3)
    write_hugging_face(tmp_path / "bert", tensors, architectures=[architecture], **values)
    encoder = import_from(tmp_path / "bert")
    assert HeadSpec.read(encoder) == HeadSpec(name=name)
    assert not (encoder / "head.safetensors").exists()
    out = capsys.readouterr().out
    assert out.endswith(f"\n  left out: its head, a {name}, which is not supported\n")


def test_the_names_of_a_head_s_classes_come_along(tmp_path: Path) -> None:
    tensors = hugging_face_tensors(toy_config()) | classifier(2)
    labels = {"id2label": {"0": "NEGATIVE", "1": "POSITIVE"}}
    architectures = ["BertForSequenceClassification"]
    write_hugging_face(tmp_path / "bert", tensors, architectures=architectures, **labels)
    head = HeadSpec.read(import_from(tmp_path / "bert"))
    assert head == HeadSpec(name="classifier", classes=("NEGATIVE", "POSITIVE"))


def test_no_pooler_is_invented(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tensors = hugging_face_tensors(toy_config())
    without = {name: value for name, value in tensors.items() if "pooler" not in name}
    write_hugging_face(tmp_path / "bert", without)
    encoder = import_from(tmp_path / "bert")
    assert config_of(encoder) == toy_config(has_pooler=False)
    weights = load_weights(encoder / "weights.safetensors")
    assert weights.keys() == encoder_shapes(toy_config(has_pooler=False)).keys()
    assert "\n  no pooler: it has no pooled output\n" in capsys.readouterr().out


def test_a_table_padded_to_a_multiple_of_8_has_rows_without_entries(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = toy_config(vocab_size=32)
    write_hugging_face(tmp_path / "bert", hugging_face_tensors(config), vocab_size=32)
    encoder = import_from(tmp_path / "bert")
    assert config_of(encoder).vocab_size == 32
    assert len((encoder / "vocab.txt").read_text().split()) == 30
    assert "\n  rows of the word table without an entry: 2\n" in capsys.readouterr().out


def test_tokenizer_json_alone_and_its_settings_are_enough(tmp_path: Path) -> None:
    write_hugging_face(tmp_path / "bert")
    (tmp_path / "bert/vocab.txt").unlink()
    entries = {entry: number for number, entry in enumerate(VOCABULARY)}
    whole = {
        "normalizer": {"type": "BertNormalizer", "lowercase": True, "strip_accents": False},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": "WordPiece", "vocab": entries},
        "added_tokens": [{"id": 30, "content": "<e>"}],
    }
    (tmp_path / "bert/tokenizer.json").write_text(json.dumps(whole))
    with pytest.raises(CheckpointError, match=r"31 entries, the config says 30; use the vocab"):
        import_from(tmp_path / "bert")
    (tmp_path / "bert/tokenizer.json").write_text(json.dumps(whole | {"added_tokens": []}))
    encoder = import_from(tmp_path / "bert")
    assert config_of(encoder) == toy_config(do_lower_case=True, strip_accents=False)
    assert (encoder / "vocab.txt").read_text().split() == VOCABULARY


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, bad: float) -> None:
    tensors = hugging_face_tensors(toy_config())
    tensors["embeddings.LayerNorm.bias"][3] = bad
    write_hugging_face(tmp_path / "bert", tensors)
    refused(tmp_path / "bert", CheckpointError, r"embeddings\.LayerNorm\.bias has 1 of 8 values")


@pytest.mark.parametrize(
    ("model_type", "title"),
    [
        ("roberta", "RoBERTa"),
        ("mobilebert", "MobileBERT"),
        ("distilbert", "DistilBERT"),
        ("electra", "ELECTRA"),
        ("modernbert", "ModernBERT"),
        ("other", "other"),
    ],
)
def test_a_family_that_is_not_there_is_said_before_its_vocabulary_is_missed(
    tmp_path: Path, model_type: str, title: str
) -> None:
    write_hugging_face(tmp_path / "bert", model_type=model_type)
    (tmp_path / "bert/vocab.txt").unlink()
    message = rf"config\.json: {title} encoders are not supported; give one of a supported family"
    refused(tmp_path / "bert", CheckpointError, message)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("mobilebert.embeddings.embedding_transformation.weight", "MobileBERT"),
        ("encoder.layer.0.bottleneck.input.dense.weight", "MobileBERT"),
        ("distilbert.transformer.layer.0.attention.q_lin.weight", "DistilBERT"),
        ("roberta.encoder.layer.0.output.dense.weight", "RoBERTa"),
        ("electra.embeddings_project.weight", "ELECTRA"),
        ("albert.encoder.albert_layer_groups.0.albert_layers.0.ffn.weight", "ALBERT"),
        ("model.layers.0.attn.Wqkv.weight", "ModernBERT"),
    ],
)
def test_weights_of_a_family_that_is_not_there_are_no_list_of_tensors(
    tmp_path: Path, name: str, title: str
) -> None:
    write_hugging_face(tmp_path / "bert", {name: np.ones((8, 8), np.float32)})
    message = f"bert: {title} encoders are not supported; give one of a supported family: BERT$"
    refused(tmp_path / "bert", CheckpointError, message)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("bert/embeddings/embedding_transformation/kernel", "MobileBERT"),
        ("bert/encoder/layer_0/bottleneck/input/dense/kernel", "MobileBERT"),
        ("electra/encoder/layer_0/attention/self/query/kernel", "ELECTRA"),
        ("bert/encoder/transformer/group_0/inner_group_0/ffn_1/kernel", "ALBERT"),
        ("model/transformer/layer_0/rel_attn/q/kernel", "XLNet"),
    ],
)
def test_variables_of_a_family_that_is_not_there_are_named_before_its_config_is_missed(
    tmp_path: Path, name: str, title: str
) -> None:
    tensors = {**google_tensors(), name: np.ones((8, 8), np.float32)}
    write_google(tmp_path / "bert", tensors)
    (tmp_path / "bert/bert_config.json").unlink()
    message = f"ckpt: {title} encoders are not supported; give one of a supported family: BERT$"
    refused(tmp_path / "bert", CheckpointError, message)


def test_weights_of_nothing_known_are_no_list_of_tensors(tmp_path: Path) -> None:
    write_hugging_face(tmp_path / "bert", {"h.0.mlp.weight": np.ones((8, 8), np.float32)})
    message = (
        r"none of its 1 tensors \(first: h\.0\.mlp\.weight\) is of the encoder .*family: BERT$"
    )
    refused(tmp_path / "bert", CheckpointError, message)


@pytest.mark.parametrize("name", ["spiece.model", "sentencepiece.bpe.model", "merges.txt"])
def test_a_vocabulary_that_is_not_wordpiece_is_said(tmp_path: Path, name: str) -> None:
    write_hugging_face(tmp_path / "bert")
    (tmp_path / "bert/vocab.txt").rename(tmp_path / "bert" / name)
    message = rf"bert/{name}: not a WordPiece vocabulary; give a checkpoint with a vocab\.txt"
    refused(tmp_path / "bert", CheckpointError, message)


def test_a_folder_of_sentence_transformers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = write_hugging_face(tmp_path / "model/0_BERT")
    (tmp_path / "model/1_Pooling").mkdir()
    (tmp_path / "model/1_Pooling/config.json").write_text('{"pooling_mode_mean_tokens": true}')
    (tmp_path / "model/modules.json").write_text("[]")
    assert config_of(import_from(tmp_path / "model")) == config
    said = "\n  left out: sentence-transformers' pooling; apply it to sequence_output\n"
    assert said in capsys.readouterr().out


def test_a_bare_prefix_with_files_of_another_folder(tmp_path: Path) -> None:
    write_google(tmp_path / "bert", google_tensors())
    for name in ("bert_config.json", "vocab.txt"):
        (tmp_path / "bert" / name).rename(tmp_path / name)
    bare = tmp_path / "bert/bert_model.ckpt"
    with pytest.raises(CheckpointError, match=r"bert_config\.json: no such file; give the check"):
        import_from(bare)
    with pytest.raises(CheckpointError, match=r"vocab\.txt: no such vocabulary"):
        import_from(bare, config=str(tmp_path / "bert_config.json"))
    encoder = import_from(
        bare,
        config=str(tmp_path / "bert_config.json"),
        vocab=str(tmp_path / "vocab.txt"),
        do_lower_case=False,
    )
    assert config_of(encoder) == toy_config(hidden_act="gelu_tanh", do_lower_case=False)


def test_the_name_of_a_known_checkpoint_tells_its_casing(tmp_path: Path) -> None:
    # Without its name, the toy's vocabulary would be taken for a lower-cased one.
    for name, do_lower_case in (("multi_cased_L-12_H-768_A-12", False), ("other", True)):
        write_google(tmp_path / name, google_tensors())
        encoder = import_from(tmp_path / name)
        assert config_of(encoder).do_lower_case == do_lower_case
        encoder = import_from(tmp_path / name, do_lower_case=not do_lower_case)
        assert config_of(encoder).do_lower_case != do_lower_case


def test_a_zip_without_a_config(tmp_path: Path) -> None:
    write_google(tmp_path / "bert", google_tensors())
    archive = tmp_path / "bert.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in (tmp_path / "bert").iterdir():
            if path.name != "bert_config.json":
                file.write(path, path.name)
    with pytest.raises(CheckpointError) as raised:
        import_from(archive)
    assert str(raised.value) == (
        f"{archive}/bert_config.json: no such file; give the checkpoint's config as "
        "import_checkpoint.config"
    )


@pytest.mark.parametrize("write", [write_google, write_hugging_face])
def test_the_first_layers_are_kept_when_asked_for(
    tmp_path: Path, write: Callable[[Path, Arrays], object]
) -> None:
    google = write is write_google
    write(tmp_path / "bert", google_tensors() if google else hugging_face_tensors(toy_config()))
    whole = load_weights(import_from(tmp_path / "bert") / "weights.safetensors")
    encoder = import_from(tmp_path / "bert", num_layers=1, dropout=0)
    config = config_of(encoder)
    assert config.num_hidden_layers == 1
    assert (config.hidden_dropout_prob, config.attention_probs_dropout_prob) == (0, 0)
    weights = load_weights(encoder / "weights.safetensors")
    assert weights.keys() == encoder_shapes(toy_config(num_hidden_layers=1)).keys()
    for path, value in weights.items():
        np.testing.assert_array_equal(value, whole[path])
    assert read_manifest(encoder, "encoder").about["layers_dropped"] == 1


def test_there_are_not_more_layers_than_the_checkpoint_has(tmp_path: Path) -> None:
    write_hugging_face(tmp_path / "bert")
    with pytest.raises(ConfigError, match=r"num_layers 3: .*bert has 2 layers; ask for as many"):
        import_from(tmp_path / "bert", num_layers=3)


def test_the_packaged_encoder_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_hugging_face(tmp_path / "bert")
    monkeypatch.setattr("bertline.modeling.checkpoints.packaged.folder", lambda: tmp_path / "bert")
    run(Settings(), encoder=tmp_path / "encoder")
    about = read_manifest(tmp_path / "encoder", "encoder").about
    assert about["checkpoint"] == "packaged"


def refused(folder: Path, kind: type[UserError], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        import_from(folder)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in folder.parent.iterdir()) in ([], [folder.name])


def test_no_folder(tmp_path: Path) -> None:
    refused(tmp_path / "bert", CheckpointError, "bert: no such file or folder, and no name that")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("config.json", r"config\.json: no such file; give a folder saved by Hugging Face"),
        ("model.safetensors", r"model\.safetensors: no such file; the folder is not complete"),
        ("vocab.txt", r"vocab\.txt: no such vocabulary; give the encoder's vocab\.txt"),
    ],
)
def test_a_file_is_missing(tmp_path: Path, file: str, message: str) -> None:
    write_hugging_face(tmp_path / "bert")
    (tmp_path / "bert" / file).unlink()
    refused(tmp_path / "bert", CheckpointError, message)


def test_a_tensor_is_missing(tmp_path: Path) -> None:
    tensors = hugging_face_tensors(toy_config())
    del tensors["encoder.layer.1.output.dense.bias"]
    write_hugging_face(tmp_path / "bert", tensors)
    message = "fit: encoder.layer.1.output.dense.bias is missing; use the config"
    refused(tmp_path / "bert", CheckpointError, message)


def test_a_tensor_has_another_shape(tmp_path: Path) -> None:
    write_hugging_face(tmp_path / "bert", intermediate_size=16)
    message = r"layer.0.intermediate.dense.weight has shape \[12, 8\], expected \[16, 8\], .*; use"
    refused(tmp_path / "bert", CheckpointError, message)


def test_the_vocabulary_has_another_size(tmp_path: Path) -> None:
    write_hugging_face(tmp_path / "bert")
    (tmp_path / "bert/vocab.txt").write_text("\n".join([*VOCABULARY, "more"]))
    message = "vocab.txt: 31 entries, the config says 30; use the vocabulary that belongs"
    refused(tmp_path / "bert", CheckpointError, message)


def test_a_config_that_contradicts_itself(tmp_path: Path) -> None:
    write_hugging_face(tmp_path / "bert", num_attention_heads=3)
    refused(tmp_path / "bert", ConfigError, "does not divide hidden_size 8")


def test_the_manifest_does_not_hold_what_opens_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_hugging_face(tmp_path / "bert")
    shutil.make_archive(str(tmp_path / "bert"), "zip", tmp_path, "bert")
    server = RawServer([ok((tmp_path / "bert.zip").read_bytes())])
    try:
        host = server.address.removeprefix("http://")
        address = f"http://me:hunter2@{host}/bert.zip?sig=5ec2e7"
        run(Settings(checkpoint=address), encoder=tmp_path / "encoder")
    finally:
        server.close()
    about = read_manifest(tmp_path / "encoder", "encoder").about
    assert about["checkpoint"] == f"http://…@{host}/bert.zip?…"
    shown = "".join(capfd.readouterr())
    for text in (shown, *(file.read_bytes().decode("latin-1") for file in files_of(tmp_path))):
        assert "hunter2" not in text and "5ec2e7" not in text
