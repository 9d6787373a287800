from pathlib import Path

import numpy as np
import pytest

from bertline.errors import CheckpointError
from bertline.modeling.checkpoints.google import (
    family_in,
    prefix_in,
    read_config,
    read_weights,
)
from bertline.modeling.families.bert.family import FAMILY
from bertline.modeling.families.bert.shapes import encoder_shapes
from tests.modeling.toys import Arrays, google_name, toy_config, write_google

CONFIG = toy_config(hidden_act="gelu_tanh")
HEADS: dict[str, tuple[int, ...]] = {
    "output_weights": (3, 8),
    "output_bias": (3,),
    "cls/squad/output_weights": (2, 8),
    "cls/squad/output_bias": (2,),
    "cls/predictions/transform/dense/kernel": (8, 8),
    "cls/predictions/transform/dense/bias": (8,),
    "cls/predictions/transform/LayerNorm/gamma": (8,),
    "cls/predictions/transform/LayerNorm/beta": (8,),
    "cls/predictions/output_bias": (30,),
    "cls/seq_relationship/output_weights": (2, 8),
    "cls/seq_relationship/output_bias": (2,),
}
OPTIMIZER = ["word_embeddings/adam_m", "word_embeddings/adam_v", "LayerNorm/beta/Adam_1"]


def google_tensors(with_heads: bool = False) -> Arrays:
    """Random weights by Google's names, with what optimizers add beside them."""
    random = np.random.default_rng(0)
    shapes = {google_name(path): shape for path, shape in encoder_shapes(CONFIG).items()}
    shapes |= HEADS if with_heads else {}
    tensors = {name: random.normal(size=shape).astype("f4") for name, shape in shapes.items()}
    slots: Arrays = {f"bert/embeddings/{name}": np.ones(2, np.float32) for name in OPTIMIZER}
    return tensors | slots | {"global_step": np.array(343), "beta1_power": np.array(0.9)}


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    write_google(tmp_path / "bert", google_tensors())
    return tmp_path / "bert/bert_model.ckpt"


def test_config_and_weights_come_by_our_names(prefix: Path) -> None:
    assert prefix_in(prefix.parent) == prefix
    assert read_config(prefix.with_name("bert_config.json"), family_in(prefix)) == CONFIG
    weights = read_weights(prefix, CONFIG)
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


def test_heads_come_as_dense_layers(tmp_path: Path) -> None:
    write_google(tmp_path, google_tensors(with_heads=True))
    weights = read_weights(tmp_path / "bert_model.ckpt", CONFIG)
    heads = {path: value for path, value in weights.items() if not path.startswith("encoder/")}
    tensors = google_tensors(with_heads=True)
    expected = {
        "label_dense/kernel": tensors["output_weights"].T,
        "label_dense/bias": tensors["output_bias"],
        "span_dense/kernel": tensors["cls/squad/output_weights"].T,
        "span_dense/bias": tensors["cls/squad/output_bias"],
        "mlm/dense/kernel": tensors["cls/predictions/transform/dense/kernel"],
        "mlm/dense/bias": tensors["cls/predictions/transform/dense/bias"],
        "mlm/norm/gamma": tensors["cls/predictions/transform/LayerNorm/gamma"],
        "mlm/norm/beta": tensors["cls/predictions/transform/LayerNorm/beta"],
        "mlm/bias": tensors["cls/predictions/output_bias"],
        "nsp/kernel": tensors["cls/seq_relationship/output_weights"].T,
        "nsp/bias": tensors["cls/seq_relationship/output_bias"],
    }
    assert heads.keys() == expected.keys()
    for path, value in expected.items():
        np.testing.assert_array_equal(heads[path], value)


def test_all_that_does_not_fit_is_listed(tmp_path: Path) -> None:
    tensors = google_tensors()
    del tensors["bert/pooler/dense/bias"]
    tensors["bert/pooler/dense/kernel"] = np.zeros((8, 9), np.float32)
    tensors["bert/adapter"] = np.zeros(1, np.float32)
    tensors["output_bias"] = np.zeros(3, np.float32)
    write_google(tmp_path, tensors)
    with pytest.raises(CheckpointError) as raised:
        read_weights(tmp_path / "bert_model.ckpt", CONFIG)
    assert str(raised.value) == (
        f"{tmp_path}/bert_model.ckpt: 4 of its tensors and the config do not fit: "
        "bert/pooler/dense/bias is missing, output_weights is missing, "
        "bert/pooler/dense/kernel has shape [8, 9], expected [8, 8], "
        "bert/adapter is not expected; use the config that belongs to the weights"
    )


def test_a_long_list_is_cut(prefix: Path) -> None:
    message = r"16 of its tensors.*, and 6 more; use the config that belongs"
    with pytest.raises(CheckpointError, match=message) as raised:
        read_weights(prefix, toy_config(num_hidden_layers=1))
    assert str(raised.value).count("encoder/layer_1") == 10


def test_what_any_optimizer_left_is_skipped(tmp_path: Path) -> None:
    tensors = google_tensors(with_heads=True)
    names = [name for name in tensors if not name.rpartition("/")[2].startswith("Adam")]
    slots = ("lamb_m", "lamb_v", "Momentum", "Adam", "Adafactor/vr")
    left: Arrays = {f"{name}/{slot}": np.ones(2, np.float32) for name in names for slot in slots}
    left |= {"gone/kernel/lamb_m": np.ones(3, np.float32), "good_steps": np.array(7)}
    left |= {"current_loss_scale": np.array(32768.0, np.float32), "lr": np.array(0.1)}
    write_google(tmp_path, tensors | left)
    found = read_weights(tmp_path / "bert_model.ckpt", CONFIG)
    assert found.keys() > encoder_shapes(CONFIG).keys()
    assert len(found) == len(encoder_shapes(CONFIG)) + len(HEADS)


def test_a_checkpoint_of_tf2_objects_is_told(tmp_path: Path) -> None:
    write_google(tmp_path, {"model/vars/0/.ATTRIBUTES/VARIABLE_VALUE": np.ones((30, 8))})
    message = "a checkpoint of TF2 objects, which does not name an encoder's variables; save"
    with pytest.raises(CheckpointError, match=message):
        read_weights(tmp_path / "bert_model.ckpt", CONFIG)


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_variables_that_are_not_finite_are_named(tmp_path: Path, bad: float) -> None:
    tensors = google_tensors()
    tensors["bert/pooler/dense/bias"][2] = bad
    write_google(tmp_path, tensors)
    with pytest.raises(CheckpointError, match="bert/pooler/dense/bias has 1 of 8 values that are"):
        read_weights(tmp_path / "bert_model.ckpt", CONFIG)


def test_there_must_be_one_checkpoint(prefix: Path) -> None:
    index = prefix.with_name("bert_model.ckpt.index")
    index.with_name("model.ckpt-1.index").write_bytes(index.read_bytes())
    with pytest.raises(CheckpointError, match=r"2 checkpoints; name one: .*bert/model\.ckpt-1$"):
        prefix_in(prefix.parent)
    for file in prefix.parent.glob("*.index"):
        file.unlink()
    with pytest.raises(CheckpointError, match=r"0 checkpoints \(\*.ckpt\*.index\); copy all"):
        prefix_in(prefix.parent)


@pytest.mark.parametrize("suffix", ["index", "data-00000-of-00001"])
def test_a_truncated_checkpoint_is_told(prefix: Path, suffix: str) -> None:
    file = Path(f"{prefix}.{suffix}")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match=r"ckpt: unreadable \(.+\); copy all its files$"):
        read_weights(prefix, CONFIG)


def test_a_missing_shard_is_named(prefix: Path) -> None:
    Path(f"{prefix}.data-00000-of-00001").unlink()
    message = r"ckpt: unreadable \(.*data-00000-of-00001; No such file.*\); copy all its files$"
    with pytest.raises(CheckpointError, match=message) as raised:
        read_weights(prefix, CONFIG)
    assert "\n" not in str(raised.value)


def test_a_missing_config_is_told(tmp_path: Path) -> None:
    message = r"bert_config\.json: no such file; give the checkpoint's config as import_checkpoint"
    with pytest.raises(CheckpointError, match=message):
        read_config(tmp_path / "bert_config.json", FAMILY)
