"""BERT in Google's TF1 checkpoints: its config and the names of its variables."""

from collections.abc import Mapping
from typing import Any

from bertline.modeling.families.base import CheckpointForm
from bertline.modeling.families.bert.config import BertConfig
from bertline.modeling.families.bert.shapes import encoder_shapes

# Our part of a path → Google's. Dense kernels have the same orientation in both.
_PARTS = {
    "embeddings/words": "embeddings/word_embeddings",
    "embeddings/positions": "embeddings/position_embeddings",
    "embeddings/segments": "embeddings/token_type_embeddings",
    "embeddings/norm": "embeddings/LayerNorm",
    "attention/query": "attention/self/query",
    "attention/key": "attention/self/key",
    "attention/value": "attention/self/value",
    "attention/output": "attention/output/dense",
    "attention_norm": "attention/output/LayerNorm",
    "intermediate": "intermediate/dense",
    "output_norm": "output/LayerNorm",
    "output": "output/dense",
    "pooler": "pooler/dense",
}
_HEADS = {
    "label_dense/kernel": "output_weights",
    "label_dense/bias": "output_bias",
    "span_dense/kernel": "cls/squad/output_weights",
    "span_dense/bias": "cls/squad/output_bias",
    "mlm/dense/kernel": "cls/predictions/transform/dense/kernel",
    "mlm/dense/bias": "cls/predictions/transform/dense/bias",
    "mlm/norm/gamma": "cls/predictions/transform/LayerNorm/gamma",
    "mlm/norm/beta": "cls/predictions/transform/LayerNorm/beta",
    "mlm/bias": "cls/predictions/output_bias",
    "nsp/kernel": "cls/seq_relationship/output_weights",
    "nsp/bias": "cls/seq_relationship/output_bias",
}


def _read_config(values: Mapping[str, Any], where: str) -> BertConfig:
    activation = values.get("hidden_act")
    values = {**values, "hidden_act": "gelu_tanh"} if activation == "gelu" else values
    return BertConfig.of_checkpoint(values, where)


def _names(config: BertConfig) -> dict[str, str]:
    whole = config.model_copy(update={"has_pooler": True})
    return {path: _google_name(path) for path in encoder_shapes(whole)} | _HEADS


def _google_name(path: str) -> str:
    """Google's name of the encoder's weight `path`."""
    _, *scopes, parameter = path.split("/")
    prefix = "bert/"
    if scopes and scopes[0].startswith("layer_"):
        prefix += f"encoder/{scopes.pop(0)}/"
    whole = "/".join([*scopes, parameter])
    if whole in _PARTS:
        return prefix + _PARTS[whole]
    return f"{prefix}{_PARTS['/'.join(scopes)]}/{parameter}"


def _is_transposed(path: str) -> bool:
    return _HEADS.get(path, "").endswith("output_weights")


GOOGLE = CheckpointForm(read_config=_read_config, names=_names, is_transposed=_is_transposed)
