"""Hugging Face BERT folders (config.json, safetensors, vocab.txt) in, and their weights out."""

import re
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401  # makes bfloat16 known to NumPy
import numpy as np
from safetensors.numpy import save_file

from bertline.artifacts import read_json, write_json
from bertline.errors import CheckpointError
from bertline.modeling.config import EncoderConfig
from bertline.modeling.shapes import check_shapes
from bertline.modeling.weights import Tensors, load_weights

_ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"}

# Hugging Face name → ours; {i} is the layer. Dense kernels are stored [out, in] there.
_BLOCK = "encoder.layer.{i}."
_NAMES = {
    "embeddings.word_embeddings.weight": "embeddings/words",
    "embeddings.position_embeddings.weight": "embeddings/positions",
    "embeddings.token_type_embeddings.weight": "embeddings/segments",
    "embeddings.LayerNorm": "embeddings/norm",
    _BLOCK + "attention.self.query": "layer_{i}/attention/query",
    _BLOCK + "attention.self.key": "layer_{i}/attention/key",
    _BLOCK + "attention.self.value": "layer_{i}/attention/value",
    _BLOCK + "attention.output.dense": "layer_{i}/attention/output",
    _BLOCK + "attention.output.LayerNorm": "layer_{i}/attention_norm",
    _BLOCK + "intermediate.dense": "layer_{i}/intermediate",
    _BLOCK + "output.dense": "layer_{i}/output",
    _BLOCK + "output.LayerNorm": "layer_{i}/output_norm",
    "pooler.dense": "pooler",
}

_FIRST_NAMES = {"gamma": "weight", "beta": "bias"}


def read_config(folder: Path) -> EncoderConfig:
    """The encoder's config from config.json and the casing from tokenizer_config.json.

    Raises CheckpointError if it is not a BERT or not one that this encoder can be.
    """
    values = _read(folder / "config.json")
    if values.get("model_type", "bert") != "bert":
        raise CheckpointError(
            f"{folder}: model_type {values['model_type']!r}; give a folder whose model_type is bert"
        )
    if values.get("position_embedding_type", "absolute") != "absolute":
        raise CheckpointError(f"{folder}: relative positions are not supported; use absolute ones")
    activation = values.get("hidden_act", "gelu")
    values["hidden_act"] = _ACTIVATIONS.get(activation, activation)
    values["do_lower_case"] = _do_lower_case(folder)
    known = {key: values[key] for key in EncoderConfig.model_fields if key in values}
    return EncoderConfig.parse(known, where=str(folder / "config.json"))


def read_weights(folder: Path, config: EncoderConfig) -> Tensors:
    """The encoder's weights by the names of `bertline.modeling.encoder`, float32.

    Reads model.safetensors or the shards that model.safetensors.index.json lists. Names may start
    with "bert." and, as in the first BERTs, end with "gamma" and "beta". A checkpoint without a
    pooler gets a new one. Raises CheckpointError for a tensor that is missing or whose shape is not
    the config's.
    """
    found = {_present_name(name): value for name, value in _tensors(folder).items()}
    weights: Tensors = {}
    for source, target in _parameter_names(config.num_hidden_layers):
        if source in found:
            value = found[source].astype("float32")
            weights[f"encoder/{target}"] = value.T if target.endswith("/kernel") else value
    if "encoder/pooler/kernel" not in weights:
        size = config.hidden_size
        kernel = np.random.default_rng(0).normal(0, config.initializer_range, (size, size))
        weights["encoder/pooler/kernel"] = kernel.astype("float32")
        weights["encoder/pooler/bias"] = np.zeros(size, "float32")
    check_shapes(weights, config, where=str(folder))
    return weights


def write_checkpoint(folder: Path, config: EncoderConfig, weights: Tensors) -> None:
    """Writes config.json and model.safetensors into `folder`, as BertModel.from_pretrained reads.

    weights: by the names of `bertline.modeling.encoder`, as `read_weights` gives them; others among
    them (a head's) are left out.
    """
    values = config.model_dump(exclude={"do_lower_case"})
    if config.hidden_act == "gelu_tanh":
        values["hidden_act"] = "gelu_new"
    write_json(
        folder / "config.json", {"model_type": "bert", "architectures": ["BertModel"], **values}
    )
    tensors = {}
    for theirs, ours in _parameter_names(config.num_hidden_layers):
        value = weights[f"encoder/{ours}"]
        tensors[theirs] = np.ascontiguousarray(value.T if ours.endswith("/kernel") else value)
    # Transformers asks who wrote the file: "pt" says that kernels are stored [out, in].
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})


def _present_name(name: str) -> str:
    scope, _, parameter = name.removeprefix("bert.").rpartition(".")
    return f"{scope}.{_FIRST_NAMES.get(parameter, parameter)}"


def _parameter_names(num_layers: int) -> list[tuple[str, str]]:
    names = []
    for source, target in _NAMES.items():
        for i in range(num_layers) if "{i}" in source else (0,):
            theirs, ours = source.format(i=i), target.format(i=i)
            if theirs.endswith(".weight"):
                names.append((theirs, ours))
                continue
            weight, bias = ("gamma", "beta") if "norm" in ours else ("kernel", "bias")
            names += [
                (f"{theirs}.weight", f"{ours}/{weight}"),
                (f"{theirs}.bias", f"{ours}/{bias}"),
            ]
    return names


def _tensors(folder: Path) -> Tensors:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return load_weights(folder / "model.safetensors")
    names = sorted({str(name) for name in _read(index).get("weight_map", {}).values()})
    for name in names:
        # The index is foreign text: a shard is a file of this folder and nothing else.
        if not re.fullmatch(r"[\w.-]+\.safetensors", name):
            raise CheckpointError(f"{index}: {name!r} is not the name of a shard; fix the index")
    return {key: value for name in names for key, value in load_weights(folder / name).items()}


def _do_lower_case(folder: Path) -> bool:
    file = folder / "tokenizer_config.json"
    return bool(_read(file).get("do_lower_case", True)) if file.is_file() else True


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise CheckpointError(f"{file}: no such file; give a folder saved by Hugging Face's BERT")
    return read_json(file)
