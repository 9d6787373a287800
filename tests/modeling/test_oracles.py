"""The encoder against what Google's and Hugging Face's own code computed from the same weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertline.modeling.checkpoints import google, huggingface, packaged
from bertline.modeling.config import EncoderConfig
from bertline.modeling.encoder import Encoder
from bertline.modeling.weights import Tensors, assign

pytestmark = pytest.mark.real
ATOL = 2e-5


def encoder_of(config: EncoderConfig, weights: Tensors) -> Encoder:
    encoder = Encoder(config, name="encoder")
    encoder.build()
    assign(encoder.trainable_variables, weights, where="oracle")
    return encoder


def close(found: Any, expected: Any, where: Any = slice(None)) -> None:
    np.testing.assert_allclose(np.asarray(found)[where], expected[where], rtol=0, atol=ATOL)


def test_the_packaged_encoder_is_hugging_face_s(shared: Path) -> None:
    oracle = np.load(shared / "oracle" / "minilm_hf.npz")
    folder = packaged.folder()
    config = huggingface.read_config(folder)
    encoder = encoder_of(config, huggingface.read_weights(folder, config))
    mask = oracle["attention_mask"]
    outputs = encoder(oracle["input_ids"], mask, oracle["token_type_ids"])
    close(outputs["sequence"], oracle["last_hidden_state"], where=mask == 1)
    close(outputs["pooled"], oracle["pooler_output"])
    close(outputs["hidden_states"][0][0], oracle["embeddings_row0"], where=mask[0] == 1)
    close(outputs["hidden_states"][1][0], oracle["first_layer_hidden_row0"], where=mask[0] == 1)


def load_google(folder: Path) -> tuple[Encoder, Mapping[str, Any]]:
    config = google.read_config(folder, [])
    encoder = encoder_of(config, google.read_weights(folder, config))
    return encoder, np.load(folder / "io.npz")


def test_every_layer_of_google_s_encoder(shared: Path) -> None:
    """At all positions, padding too; Google adds -10000 to what is masked where ours adds -100."""
    encoder, oracle = load_google(shared / "oracle/bert_tf1/pretrain")
    mask = oracle["input_mask"]
    assert (np.diff(mask[4]) == 1).any(), "row 4 has masked positions inside the text"
    outputs = encoder(oracle["input_ids"], mask, oracle["segment_ids"])
    expected = [oracle["embedding_output"], oracle["encoder_layer_0"], oracle["encoder_layer_1"]]
    for found, of_layer in zip(outputs["hidden_states"], expected, strict=True):
        close(found, of_layer)
    close(outputs["sequence"], oracle["sequence_output"])
    close(outputs["pooled"], oracle["pooled_output"])


def test_google_s_encoder_without_mask_and_segments(shared: Path) -> None:
    encoder, oracle = load_google(shared / "oracle/bert_tf1/pretrain")
    ids = oracle["input_ids"]
    outputs = encoder(ids, np.ones_like(ids), np.zeros_like(ids))
    close(outputs["sequence"], oracle["nomask_sequence_output"])
    close(outputs["pooled"], oracle["nomask_pooled_output"])


@pytest.mark.parametrize(
    ("name", "kernel", "source"),
    [("classifier", "output_weights", "pooled"), ("squad", "cls/squad/output_weights", "sequence")],
)
def test_logits_of_google_s_fine_tuned_models(
    shared: Path, name: str, kernel: str, source: str
) -> None:
    import tensorflow as tf

    folder = shared / "oracle/bert_tf1" / name
    encoder, oracle = load_google(folder)
    inputs = [oracle[key] for key in ("input_ids", "input_mask", "segment_ids")]
    reader = tf.train.load_checkpoint(str(folder / "model.ckpt-343"))
    bias = reader.get_tensor(kernel.replace("weights", "bias"))
    logits = np.asarray(encoder(*inputs)[source]) @ reader.get_tensor(kernel).T + bias
    if name == "classifier":
        close(logits, oracle["logits"])
    else:
        close(logits[..., 0], oracle["start_logits"])
        close(logits[..., 1], oracle["end_logits"])
