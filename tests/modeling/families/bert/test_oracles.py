"""The encoder against what Google's and Hugging Face's own code computed from the same weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from bertline.modeling.checkpoints import google, huggingface, packaged
from bertline.modeling.families.base import EncoderConfig
from bertline.modeling.families.bert.config import BertConfig
from bertline.modeling.families.bert.encoder import Encoder
from bertline.modeling.layers import LayerNorm, gelu_tanh
from bertline.modeling.weights import Tensors, assign

pytestmark = pytest.mark.real
ATOL = 1e-5


def encoder_of(config: EncoderConfig, weights: Tensors) -> Encoder:
    assert isinstance(config, BertConfig)
    encoder = Encoder(config, name="encoder")
    encoder.build()
    assign(encoder.trainable_variables, weights, where="oracle")
    return encoder


def close(found: Any, expected: Any, where: Any = slice(None)) -> None:
    np.testing.assert_allclose(np.asarray(found)[where], expected[where], rtol=0, atol=ATOL)


def test_the_packaged_encoder_is_hugging_face_s(shared: Path) -> None:
    oracle = np.load(shared / "oracle" / "minilm_hf.npz")
    folder = packaged.folder()
    config = huggingface.read_config(folder / "config.json")
    encoder = encoder_of(config, huggingface.read_weights(folder, config))
    mask = oracle["attention_mask"]
    outputs = encoder(oracle["input_ids"], mask, oracle["token_type_ids"])
    close(outputs["sequence"], oracle["last_hidden_state"], where=mask == 1)
    close(outputs["pooled"], oracle["pooler_output"])
    close(outputs["hidden_states"][0][0], oracle["embeddings_row0"], where=mask[0] == 1)
    close(outputs["hidden_states"][1][0], oracle["first_layer_hidden_row0"], where=mask[0] == 1)


def load_google(folder: Path) -> tuple[Encoder, Tensors, Mapping[str, Any]]:
    """The encoder, all tensors (heads too) and the oracle's inputs and outputs."""
    prefix = google.prefix_in(folder)
    config = google.read_config(folder / google.CONFIG_FILE, google.family_in(prefix))
    weights = google.read_weights(prefix, config)
    return encoder_of(config, weights), weights, np.load(folder / "io.npz")


def encode(encoder: Encoder, oracle: Mapping[str, Any]) -> Any:
    return encoder(oracle["input_ids"], oracle["input_mask"], oracle["segment_ids"])


def dense(x: Any, weights: Tensors, name: str) -> Any:
    return np.asarray(x) @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]


def log_softmax(logits: Any) -> Any:
    return np.asarray(keras.ops.log_softmax(logits))


def test_every_layer_of_google_s_encoder(shared: Path) -> None:
    """At all positions, padding too; Google adds -10000 to what is masked where ours adds -100."""
    encoder, _, oracle = load_google(shared / "oracle/bert_tf1/pretrain")
    assert (np.diff(oracle["input_mask"][4]) == 1).any(), "row 4 has masked positions in the text"
    outputs = encode(encoder, oracle)
    expected = [oracle["embedding_output"], oracle["encoder_layer_0"], oracle["encoder_layer_1"]]
    for found, of_layer in zip(outputs["hidden_states"], expected, strict=True):
        close(found, of_layer)
    close(outputs["sequence"], oracle["sequence_output"])
    close(outputs["pooled"], oracle["pooled_output"])


def test_google_s_encoder_without_mask_and_segments(shared: Path) -> None:
    encoder, _, oracle = load_google(shared / "oracle/bert_tf1/pretrain")
    ids = oracle["input_ids"]
    outputs = encoder(ids, np.ones_like(ids), np.zeros_like(ids))
    close(outputs["sequence"], oracle["nomask_sequence_output"])
    close(outputs["pooled"], oracle["nomask_pooled_output"])


def test_the_heads_of_google_s_pretraining(shared: Path) -> None:
    encoder, weights, oracle = load_google(shared / "oracle/bert_tf1/pretrain")
    outputs = encode(encoder, oracle)
    nsp = log_softmax(dense(outputs["pooled"], weights, "nsp"))
    close(nsp, oracle["nsp_log_probs"])
    positions = oracle["masked_lm_positions"][..., np.newaxis]
    masked = np.take_along_axis(np.asarray(outputs["sequence"]), positions, axis=1)
    x = gelu_tanh(dense(masked, weights, "mlm/dense"))
    norm = LayerNorm(x.shape[-1], 1e-12, name="norm")
    norm.build(x.shape)
    norm.gamma.assign(weights["mlm/norm/gamma"])
    norm.beta.assign(weights["mlm/norm/beta"])
    logits = np.asarray(norm(x)) @ weights["encoder/embeddings/words"].T + weights["mlm/bias"]
    close(log_softmax(logits).reshape(oracle["mlm_log_probs"].shape), oracle["mlm_log_probs"])


def test_google_s_classifier(shared: Path) -> None:
    encoder, weights, oracle = load_google(shared / "oracle/bert_tf1/classifier")
    outputs = encode(encoder, oracle)
    close(dense(outputs["pooled"], weights, "label_dense"), oracle["logits"])


def test_google_s_answer_spans(shared: Path) -> None:
    encoder, weights, oracle = load_google(shared / "oracle/bert_tf1/squad")
    logits = dense(encode(encoder, oracle)["sequence"], weights, "span_dense")
    close(logits[..., 0], oracle["start_logits"])
    close(logits[..., 1], oracle["end_logits"])
