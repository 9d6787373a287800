from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertline.errors import CheckpointError, DataError, StorageError
from bertline.modeling.model import build_model
from bertline.modeling.weights import Tensors, save_weights, tensors_of
from bertline.training.finetune import finetune
from bertline.training.settings import FitSettings
from bertline.training.start import encoder_start, model_start
from tests.modeling.toys import toy_spec
from tests.stages.toy_artifacts import write_encoder, write_model, write_vocab
from tests.storage.gcs_server import Cloud
from tests.training.toys import SPEC, encoder_weights, toy_features


@pytest.fixture
def vocab(tmp_path: Path) -> Path:
    write_vocab(tmp_path / "vocab.txt")
    return tmp_path / "vocab.txt"


def head_weights() -> Tensors:
    weights = tensors_of(build_model(SPEC).trainable_variables)
    return {path: value + 1 for path, value in weights.items() if "encoder" not in path}


def test_an_encoder_with_and_without_its_head(tmp_path: Path) -> None:
    encoder, head = write_encoder(tmp_path / "encoder"), head_weights()
    assert encoder_start(encoder, with_head=False).keys() == encoder_weights().keys()
    with pytest.raises(CheckpointError, match=r"head\.safetensors: no such file"):
        encoder_start(encoder, with_head=True)
    save_weights(head, encoder / "head.safetensors")
    assert encoder_start(encoder, with_head=True).keys() == encoder_weights().keys() | head.keys()


def test_an_earlier_model_is_taken_whole(tmp_path: Path, vocab: Path) -> None:
    model = write_model(tmp_path / "model")
    # Dropout has no weights: another one may be asked for.
    spec = toy_spec(num_hidden_layers=1, initializer_range=0.1, hidden_dropout_prob=0.0)
    start = model_start(str(model), spec, vocab)
    assert start.keys() == tensors_of(build_model(SPEC).trainable_variables).keys()


def test_an_earlier_model_may_be_in_a_bucket(cloud: Cloud, tmp_path: Path, vocab: Path) -> None:
    model = write_model(tmp_path / "model")
    start = model_start(cloud.put_folder(model, "models/1"), SPEC, vocab)
    expected = model_start(str(model), SPEC, vocab)
    assert start.keys() == expected.keys()
    assert all(np.array_equal(start[path], expected[path]) for path in expected)


@pytest.mark.parametrize(
    ("changes", "different"),
    [
        ({"encoder": toy_spec(num_hidden_layers=2).encoder}, "encoder config"),
        ({"head": "classifier"}, "head"),
        ({"labels": {"intents": ["GetWeather"], "tags": ["O"]}, "head": "other"}, "head, labels"),
    ],
)
def test_a_model_of_another_kind_is_refused(
    tmp_path: Path, vocab: Path, changes: dict[str, Any], different: str
) -> None:
    model = write_model(tmp_path / "model")
    with pytest.raises(CheckpointError) as raised:
        model_start(str(model), SPEC.model_copy(update=changes), vocab)
    assert str(raised.value) == (
        f"init_from {model}: {different} not as in this run; start from a model of the same "
        "checkpoint and data"
    )


def test_a_model_of_another_vocabulary_is_refused(tmp_path: Path, vocab: Path) -> None:
    model = write_model(tmp_path / "model")
    vocab.write_text("[PAD]")
    with pytest.raises(CheckpointError, match="model: vocabulary not as in this run; start"):
        model_start(str(model), SPEC, vocab)


def test_what_is_no_model_is_told(tmp_path: Path, vocab: Path) -> None:
    with pytest.raises(StorageError, match="model: no such file or folder; check the path"):
        model_start(str(tmp_path / "model"), SPEC, vocab)
    with pytest.raises(DataError, match=r"model\.json: no such file; the folder is not complete"):
        model_start(str(tmp_path), SPEC, vocab)
    model = write_model(tmp_path / "model")
    (model / "vocab.txt").unlink()
    with pytest.raises(DataError, match=r"vocab\.txt: missing"):
        model_start(str(model), SPEC, vocab)
    (model / "manifest.json").unlink()  # without one nothing tells what belongs to the folder
    with pytest.raises(CheckpointError, match="vocabulary not as"):
        model_start(str(model), SPEC, vocab)


def test_training_starts_from_the_head_it_is_given(tmp_path: Path) -> None:
    start, features = encoder_weights() | head_weights(), toy_features([5, 6])
    settings = FitSettings(num_epochs=1, learning_rate=1e-9, precision="float32")
    weights, _, _ = finetune(SPEC, start, features, features, settings, tmp_path)
    for path, value in start.items():
        np.testing.assert_allclose(weights[path], value, rtol=0, atol=1e-6)


def test_a_head_of_other_classes_is_told(tmp_path: Path) -> None:
    head = head_weights() | {"intent_dense/bias": np.zeros(5, np.float32)}
    features = toy_features([5])
    message = r"'intent_dense/bias' has shape \[5\], the config asks for \[2\]"
    with pytest.raises(CheckpointError, match=message):
        finetune(SPEC, encoder_weights() | head, features, features, FitSettings(), tmp_path)
