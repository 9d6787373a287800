import json
import struct
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from bertline.errors import CheckpointError, ConfigError, DataError
from bertline.modeling.checkpoints.huggingface import (
    read_config,
    read_weights,
    write_checkpoint,
)
from bertline.modeling.checkpoints.tokenizer_files import read_tokenizer
from bertline.modeling.families.bert.config import BertConfig
from bertline.modeling.families.bert.shapes import encoder_shapes
from tests.modeling.toys import (
    Arrays,
    hugging_face_tensors,
    toy_config,
    write_hugging_face,
)

CONFIG = toy_config()
TENSORS = hugging_face_tensors(CONFIG)


def split_in_two(folder: Path, tensors: Arrays) -> dict[str, str]:
    """Writes the tensors as two shards with an index; gives the index's map."""
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    shards = {"model-00001-of-00002.safetensors": names[:9], "b.safetensors": names[9:]}
    for file, of_file in shards.items():
        save_file({name: tensors[name] for name in of_file}, str(folder / file))
    weight_map = {name: file for file, of_file in shards.items() for name in of_file}
    write_index(folder, weight_map)
    return weight_map


def write_index(folder: Path, weight_map: dict[str, str]) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def test_config_and_weights_come_by_our_names(tmp_path: Path) -> None:
    write_hugging_face(tmp_path)
    assert read_config(tmp_path / "config.json") == CONFIG
    weights = read_weights(tmp_path, CONFIG)
    assert {path: value.shape for path, value in weights.items()} == encoder_shapes(CONFIG)
    for ours, theirs in {
        "encoder/embeddings/words": TENSORS["embeddings.word_embeddings.weight"],
        "encoder/embeddings/norm/gamma": TENSORS["embeddings.LayerNorm.weight"],
        "encoder/layer_1/attention/key/bias": TENSORS["encoder.layer.1.attention.self.key.bias"],
        "encoder/layer_0/output_norm/beta": TENSORS["encoder.layer.0.output.LayerNorm.bias"],
        "encoder/layer_1/output/kernel": TENSORS["encoder.layer.1.output.dense.weight"].T,
        "encoder/pooler/kernel": TENSORS["pooler.dense.weight"].T,
    }.items():
        np.testing.assert_array_equal(weights[ours], theirs)


@pytest.mark.parametrize("hidden_act", ["gelu", "gelu_tanh", "relu"])
def test_what_is_written_is_read_again(tmp_path: Path, hidden_act: str) -> None:
    config = toy_config(hidden_act=hidden_act)
    random = np.random.default_rng(0)
    weights: Arrays = {
        path: random.random(shape, np.float32) for path, shape in encoder_shapes(config).items()
    }
    head: Arrays = {"intent_dense/bias": np.zeros(2, np.float32)}
    write_checkpoint(tmp_path, config, weights | head)
    assert read_config(tmp_path / "config.json") == config
    read = read_weights(tmp_path, config)
    assert read.keys() == weights.keys()
    for path, value in weights.items():
        np.testing.assert_array_equal(read[path], value)


def test_names_and_types_as_checkpoints_have_them(tmp_path: Path) -> None:
    expected = {name: value.astype("float16") for name, value in TENSORS.items()}
    # The first BERTs: a prefix, gamma and beta, heads beside the encoder.
    named: Arrays = {
        "bert."
        + name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): value
        for name, value in expected.items()
    }
    named["bert.embeddings.position_ids"] = np.arange(32)
    named["cls.predictions.decoder.weight"] = named["bert.embeddings.word_embeddings.weight"]
    write_hugging_face(tmp_path / "first", named)
    write_hugging_face(tmp_path / "present", expected)
    found, plain = (read_weights(tmp_path / name, CONFIG) for name in ("first", "present"))
    assert found.keys() == plain.keys()
    for path, value in plain.items():
        np.testing.assert_array_equal(found[path], value)
        assert value.dtype == np.float32


def test_heads_come_as_dense_layers(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    shapes: dict[str, tuple[int, ...]] = {
        "classifier.weight": (3, 8),
        "classifier.bias": (3,),
        "qa_outputs.weight": (2, 8),
        "qa_outputs.bias": (2,),
        "cls.predictions.transform.dense.weight": (8, 8),
        "cls.predictions.transform.dense.bias": (8,),
        "cls.predictions.transform.LayerNorm.weight": (8,),
        "cls.predictions.transform.LayerNorm.bias": (8,),
        "cls.predictions.bias": (30,),
        "cls.seq_relationship.weight": (2, 8),
        "cls.seq_relationship.bias": (2,),
    }
    heads = {name: random.normal(size=shape).astype("f4") for name, shape in shapes.items()}
    write_hugging_face(tmp_path, TENSORS | heads)
    weights = read_weights(tmp_path, CONFIG)
    assert len(weights) == len(TENSORS) + len(heads)
    for ours, theirs in {
        "label_dense/kernel": heads["classifier.weight"].T,
        "span_dense/kernel": heads["qa_outputs.weight"].T,
        "mlm/dense/kernel": heads["cls.predictions.transform.dense.weight"].T,
        "mlm/norm/gamma": heads["cls.predictions.transform.LayerNorm.weight"],
        "mlm/bias": heads["cls.predictions.bias"],
        "nsp/bias": heads["cls.seq_relationship.bias"],
    }.items():
        np.testing.assert_array_equal(weights[ours], theirs)


def test_all_that_does_not_fit_is_listed(tmp_path: Path) -> None:
    tensors = TENSORS | {"bert.adapter.weight": np.zeros(2, np.float32)}
    tensors["encoder.layer.1.output.dense.weight"] = np.zeros((8, 13), np.float32)
    del tensors["pooler.dense.bias"]
    write_hugging_face(tmp_path, tensors)
    with pytest.raises(CheckpointError) as raised:
        read_weights(tmp_path, CONFIG)
    assert str(raised.value) == (
        f"{tmp_path}: 3 of its tensors and the config do not fit: pooler.dense.bias is missing, "
        "encoder.layer.1.output.dense.weight has shape [8, 13], expected [8, 12], "
        "adapter.weight is not expected; use the config that belongs to the weights"
    )


def test_a_tokenizer_is_written_when_asked_for(tmp_path: Path) -> None:
    write_hugging_face(tmp_path / "in")
    config = toy_config(do_lower_case=False, strip_accents=True, tokenize_chinese_chars=False)
    (tmp_path / "out").mkdir()
    weights = read_weights(tmp_path / "in", config)
    write_checkpoint(tmp_path / "out", config, weights, vocab=tmp_path / "in/vocab.txt")
    spec = read_tokenizer(tmp_path / "out", tmp_path / "out/vocab.txt").spec
    assert read_config(tmp_path / "out/config.json").with_tokenizer(spec) == config
    assert (tmp_path / "out/vocab.txt").read_text() == (tmp_path / "in/vocab.txt").read_text()


def test_bfloat16_is_read(tmp_path: Path) -> None:
    write_hugging_face(tmp_path)
    parts = {name: value.astype(ml_dtypes.bfloat16) for name, value in TENSORS.items()}
    header, data = {}, b""
    for name, value in parts.items():
        end = len(data) + value.nbytes
        header[name] = {"dtype": "BF16", "shape": value.shape, "data_offsets": [len(data), end]}
        data += value.tobytes()
    text = json.dumps(header).encode()
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    words = read_weights(tmp_path, CONFIG)["encoder/embeddings/words"]
    assert words.dtype == np.float32
    np.testing.assert_array_equal(words, parts["embeddings.word_embeddings.weight"])


def test_no_pooler_is_invented(tmp_path: Path) -> None:
    without = {name: value for name, value in TENSORS.items() if "pooler" not in name}
    write_hugging_face(tmp_path, without)
    expected = encoder_shapes(CONFIG.model_copy(update={"has_pooler": False}))
    assert read_weights(tmp_path, CONFIG).keys() == expected.keys()
    assert encoder_shapes(CONFIG).keys() - expected.keys() == {
        "encoder/pooler/kernel",
        "encoder/pooler/bias",
    }


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32", ml_dtypes.bfloat16])
def test_weights_that_are_not_finite_are_named(tmp_path: Path, bad: float, dtype: Any) -> None:
    kernel = TENSORS["encoder.layer.1.output.dense.weight"].astype(dtype)
    kernel[3, 5] = bad
    write_hugging_face(tmp_path, TENSORS | {"encoder.layer.1.output.dense.weight": kernel})
    message = r"encoder\.layer\.1\.output\.dense\.weight has 1 of 96 values that are NaN or inf"
    with pytest.raises(CheckpointError, match=message):
        read_weights(tmp_path, CONFIG)


def test_float64_that_float32_cannot_hold_is_not_finite(tmp_path: Path) -> None:
    bias = np.full(8, 1e300)
    write_hugging_face(tmp_path, TENSORS | {"pooler.dense.bias": bias})
    with pytest.raises(CheckpointError, match=r"pooler\.dense\.bias has 8 of 8 values that are"):
        read_weights(tmp_path, CONFIG)


def test_integers_are_no_weights(tmp_path: Path) -> None:
    kernel = np.ones((8, 8), np.int8)
    write_hugging_face(tmp_path, TENSORS | {"pooler.dense.weight": kernel})
    with pytest.raises(CheckpointError, match=r"pooler\.dense\.weight holds int8; use the config"):
        read_weights(tmp_path, CONFIG)


def test_masked_words_with_a_table_of_their_own_are_refused(tmp_path: Path) -> None:
    table = TENSORS["embeddings.word_embeddings.weight"] + 1
    write_hugging_face(tmp_path, TENSORS | {"cls.predictions.decoder.weight": table})
    with pytest.raises(CheckpointError, match=r"decoder\.weight is not embeddings\.word_emb"):
        read_weights(tmp_path, CONFIG)


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "tf_model.h5"]
)
def test_weights_in_another_format_say_what_to_do(tmp_path: Path, name: str) -> None:
    write_hugging_face(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / name)
    message = f"weights only as {name}, which is not read; .* write them as safetensors"
    with pytest.raises(CheckpointError, match=message):
        read_weights(tmp_path, CONFIG)


def test_shards_are_put_together(tmp_path: Path) -> None:
    write_hugging_face(tmp_path)
    whole = read_weights(tmp_path, CONFIG)
    split_in_two(tmp_path, TENSORS)
    parts = read_weights(tmp_path, CONFIG)
    assert all(np.array_equal(parts[path], value) for path, value in whole.items())


@pytest.mark.parametrize("name", ["../b.safetensors", "/etc/passwd", "sub/b.safetensors", "b.pkl"])
def test_an_index_cannot_name_other_files(tmp_path: Path, name: str) -> None:
    write_hugging_face(tmp_path / "model")
    save_file(TENSORS, str(tmp_path / "b.safetensors"))
    weight_map = split_in_two(tmp_path / "model", TENSORS)
    write_index(tmp_path / "model", weight_map | {"pooler.dense.bias": name})
    with pytest.raises(CheckpointError, match=f"'{name}' is not the name of a shard"):
        read_weights(tmp_path / "model", CONFIG)


def test_a_shard_that_is_missing_is_told(tmp_path: Path) -> None:
    write_hugging_face(tmp_path)
    split_in_two(tmp_path, TENSORS)
    (tmp_path / "b.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"b\.safetensors: no such file"):
        read_weights(tmp_path, CONFIG)
    write_index(tmp_path, {})
    message = "embeddings.word_embeddings.weight is missing, .* and 27 more; use the config"
    with pytest.raises(CheckpointError, match=message):
        read_weights(tmp_path, CONFIG)
    for content in ("{}", '{"weight_map": []}'):
        (tmp_path / "model.safetensors.index.json").write_text(content)
        with pytest.raises(CheckpointError, match=r"index\.json: no weight_map; copy it again"):
            read_weights(tmp_path, CONFIG)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"model_type": "roberta"},
            "RoBERTa encoders are not supported; give one of a supported family: BERT$",
        ),
        ({"position_embedding_type": "relative_key"}, "type is 'relative_key'; give a checkpoint"),
        ({"is_decoder": True}, "is_decoder is True; give a checkpoint where it is False"),
        ({"add_cross_attention": True}, "add_cross_attention is True"),
    ],
)
def test_what_is_no_bert_is_told(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write_hugging_face(tmp_path, **changes)
    with pytest.raises(CheckpointError, match=message):
        read_config(tmp_path / "config.json")


def test_an_activation_the_encoder_has_not(tmp_path: Path) -> None:
    write_hugging_face(tmp_path, hidden_act=["gelu"])
    with pytest.raises(ConfigError, match=r"config\.json: key 'hidden_act' = \['gelu'\]"):
        read_config(tmp_path / "config.json")
    write_hugging_face(tmp_path, hidden_act="silu")
    with pytest.raises(ConfigError, match=r"config\.json: key 'hidden_act' = 'silu'"):
        read_config(tmp_path / "config.json")
    write_hugging_face(tmp_path, hidden_act="gelu_new")
    config = read_config(tmp_path / "config.json")
    assert isinstance(config, BertConfig) and config.hidden_act == "gelu_tanh"


def test_a_bad_config_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json: no such file; give a folder saved"):
        read_config(tmp_path / "config.json")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(DataError, match="malformed JSON"):
        read_config(tmp_path / "config.json")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="key 'vocab_size' is missing"):
        read_config(tmp_path / "config.json")
