"""BERT in Hugging Face's checkpoints: its config and the names of its tensors."""

from collections.abc import Mapping
from typing import Any

from bertline.errors import CheckpointError
from bertline.features.spec import TokenizerSpec
from bertline.modeling.families.base import CheckpointForm
from bertline.modeling.families.bert.config import BertConfig

_ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"}
_ONLY: dict[str, object] = {
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}
"""Keys of config.json that make another network → the value that makes this encoder."""

# Our name → Hugging Face's; {i} is the layer. Dense kernels are stored [out, in] there.
_BLOCK = "encoder.layer.{i}."
_ENCODER = {
    "encoder/embeddings/words": "embeddings.word_embeddings.weight",
    "encoder/embeddings/positions": "embeddings.position_embeddings.weight",
    "encoder/embeddings/segments": "embeddings.token_type_embeddings.weight",
    "encoder/embeddings/norm": "embeddings.LayerNorm",
    "encoder/layer_{i}/attention/query": _BLOCK + "attention.self.query",
    "encoder/layer_{i}/attention/key": _BLOCK + "attention.self.key",
    "encoder/layer_{i}/attention/value": _BLOCK + "attention.self.value",
    "encoder/layer_{i}/attention/output": _BLOCK + "attention.output.dense",
    "encoder/layer_{i}/attention_norm": _BLOCK + "attention.output.LayerNorm",
    "encoder/layer_{i}/intermediate": _BLOCK + "intermediate.dense",
    "encoder/layer_{i}/output": _BLOCK + "output.dense",
    "encoder/layer_{i}/output_norm": _BLOCK + "output.LayerNorm",
    "encoder/pooler": "pooler.dense",
}
_HEADS = {
    "label_dense": "classifier",
    "span_dense": "qa_outputs",
    "mlm/dense": "cls.predictions.transform.dense",
    "mlm/norm": "cls.predictions.transform.LayerNorm",
    "mlm/bias": "cls.predictions.bias",
    "nsp": "cls.seq_relationship",
}
_COPIES = {
    "embeddings.position_ids": None,
    "embeddings.token_type_ids": None,
    "cls.predictions.decoder.weight": "embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}
_FIRST_NAMES = {"gamma": "weight", "beta": "bias"}


def _read_config(values: Mapping[str, Any], where: str) -> BertConfig:
    for key, known in _ONLY.items():
        if values.get(key, known) not in (known, None):
            raise CheckpointError(
                f"{where}: {key} is {values[key]!r}; give a checkpoint where it is {known!r}"
            )
    activation = values.get("hidden_act", "gelu")
    activation = _ACTIVATIONS.get(str(activation), activation)
    return BertConfig.of_checkpoint({**values, "hidden_act": activation}, where)


def _write_config(config: BertConfig) -> dict[str, Any]:
    values = config.model_dump(exclude={*TokenizerSpec.model_fields, "family", "has_pooler"})
    if config.hidden_act == "gelu_tanh":
        values["hidden_act"] = "gelu_new"
    return {"model_type": "bert", "architectures": ["BertModel"], **values}


def _names(config: BertConfig) -> dict[str, str]:
    names = {}
    for ours, theirs in (_ENCODER | _HEADS).items():
        for i in range(config.num_hidden_layers) if "{i}" in ours else (0,):
            path, name = ours.format(i=i), theirs.format(i=i)
            if name.endswith((".weight", ".bias")):
                names[path] = name
                continue
            weight, bias = ("gamma", "beta") if "norm" in path else ("kernel", "bias")
            names |= {f"{path}/{weight}": f"{name}.weight", f"{path}/{bias}": f"{name}.bias"}
    return names


def _present_name(name: str) -> str:
    # Names may start with "bert." and, as in the first BERTs, end with "gamma" and "beta".
    scope, dot, parameter = name.removeprefix("bert.").rpartition(".")
    return f"{scope}{dot}{_FIRST_NAMES.get(parameter, parameter)}"


def _is_kernel(path: str) -> bool:
    return path.endswith("/kernel")


HUGGING_FACE = CheckpointForm(
    read_config=_read_config,
    names=_names,
    is_transposed=_is_kernel,
    present_name=_present_name,
    copies=_COPIES,
    write_config=_write_config,
)
