from pathlib import Path

import numpy as np
import pytest

from bertline.artifacts import read_json, read_manifest
from bertline.errors import CheckpointError, ConfigError, UserError
from bertline.modeling.config import EncoderConfig
from bertline.modeling.shapes import encoder_shapes
from bertline.modeling.weights import load_weights, weights_digest
from bertline.stages.import_checkpoint import Settings, run
from tests.modeling.toys import (
    VOCABULARY,
    google_name,
    hugging_face_tensors,
    toy_config,
    write_google,
    write_hugging_face,
)


def import_from(folder: Path) -> Path:
    encoder = folder.parent / "encoder"
    run(Settings(checkpoint=str(folder)), encoder=encoder)
    return encoder


def config_of(encoder: Path) -> EncoderConfig:
    return EncoderConfig.parse(read_json(encoder / "encoder.json"), where="encoder.json")


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
    }


def test_a_google_folder(tmp_path: Path) -> None:
    shapes = encoder_shapes(toy_config())
    tensors = {google_name(path): np.full(shape, 0.5, "f4") for path, shape in shapes.items()}
    write_google(tmp_path / "bert", tensors)
    encoder = import_from(tmp_path / "bert")
    assert config_of(encoder) == toy_config(hidden_act="gelu_tanh")
    assert load_weights(encoder / "weights.safetensors").keys() == shapes.keys()


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
    refused(tmp_path / "bert", CheckpointError, "bert: no such folder; give one from Hugging Face")


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
    message = "no weight 'encoder/layer_1/output/bias'; is num_hidden_layers right?"
    refused(tmp_path / "bert", CheckpointError, message)


def test_a_tensor_has_another_shape(tmp_path: Path) -> None:
    write_hugging_face(tmp_path / "bert", intermediate_size=16)
    message = r"'encoder/layer_0/intermediate/kernel' has shape \[8, 12\].*asks for \[8, 16\]; use"
    refused(tmp_path / "bert", CheckpointError, message)


def test_the_vocabulary_has_another_size(tmp_path: Path) -> None:
    write_hugging_face(tmp_path / "bert")
    (tmp_path / "bert/vocab.txt").write_text("\n".join([*VOCABULARY, "more"]))
    message = "vocab.txt: 31 entries, the config says 30; use the vocabulary that belongs"
    refused(tmp_path / "bert", CheckpointError, message)


def test_a_config_that_contradicts_itself(tmp_path: Path) -> None:
    write_hugging_face(tmp_path / "bert", num_attention_heads=3)
    refused(tmp_path / "bert", ConfigError, "does not divide hidden_size 8")
