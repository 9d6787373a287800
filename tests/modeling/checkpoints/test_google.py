from pathlib import Path

import numpy as np
import pytest

from bertline.errors import CheckpointError
from bertline.modeling.checkpoints.google import read_config, read_weights
from bertline.modeling.shapes import encoder_shapes
from tests.modeling.toys import VOCABULARY, Arrays, google_name, toy_config, write_google

CONFIG = toy_config(hidden_act="gelu_tanh")


def google_tensors() -> Arrays:
    """Random encoder weights by Google's names, with a slot and a counter beside them."""
    random = np.random.default_rng(0)
    tensors: Arrays = {
        google_name(path): random.normal(size=shape).astype("float32")
        for path, shape in encoder_shapes(CONFIG).items()
    }
    words = tensors["bert/embeddings/word_embeddings"]
    return tensors | {
        "bert/embeddings/word_embeddings/adam_m": words * 0,
        "cls/predictions/output_bias": words[:, 0],
        "global_step": np.array(343, np.int64),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_google(tmp_path / "bert", google_tensors())
    return tmp_path / "bert"


def test_config_and_weights_come_by_our_names(folder: Path) -> None:
    assert read_config(folder, VOCABULARY) == CONFIG
    weights = read_weights(folder, CONFIG)
    tensors = google_tensors()
    assert weights.keys() == encoder_shapes(CONFIG).keys()
    for path, value in weights.items():
        np.testing.assert_array_equal(value, tensors[google_name(path)])


def test_the_names_are_google_s() -> None:
    assert google_name("encoder/layer_1/attention/query/kernel") == (
        "bert/encoder/layer_1/attention/self/query/kernel"
    )
    assert google_name("encoder/layer_0/output_norm/gamma") == (
        "bert/encoder/layer_0/output/LayerNorm/gamma"
    )
    assert google_name("encoder/layer_0/output/bias") == "bert/encoder/layer_0/output/dense/bias"


def test_the_vocabulary_tells_the_casing(folder: Path) -> None:
    assert read_config(folder, ["[PAD]", "[CLS]", "paris"]).do_lower_case
    assert not read_config(folder, ["[PAD]", "[CLS]", "Paris"]).do_lower_case


def test_a_variable_that_is_missing_is_told(tmp_path: Path) -> None:
    tensors = google_tensors()
    del tensors["bert/pooler/dense/bias"]
    write_google(tmp_path, tensors)
    message = "no weight 'encoder/pooler/bias'; is num_hidden_layers right?"
    with pytest.raises(CheckpointError, match=message):
        read_weights(tmp_path, CONFIG)


def test_shapes_must_be_the_config_s(folder: Path) -> None:
    other = toy_config(intermediate_size=16)
    message = r"intermediate/kernel' has shape \[8, 12\], the config asks for \[8, 16\]; use the"
    with pytest.raises(CheckpointError, match=message):
        read_weights(folder, other)


def test_there_must_be_one_checkpoint(folder: Path) -> None:
    index = folder / "bert_model.ckpt.index"
    (folder / "model.ckpt-1.index").write_bytes(index.read_bytes())
    with pytest.raises(CheckpointError, match=r"2 checkpoints \(\*.ckpt\*.index\); give a folder"):
        read_weights(folder, CONFIG)
    for file in folder.glob("*.index"):
        file.unlink()
    with pytest.raises(CheckpointError, match="0 checkpoints"):
        read_weights(folder, CONFIG)


@pytest.mark.parametrize("file", ["bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001"])
def test_a_truncated_checkpoint_is_told(folder: Path, file: str) -> None:
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match=r"ckpt: unreadable \(.+\); copy all its files$"):
        read_weights(folder, CONFIG)
