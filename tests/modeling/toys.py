"""Encoders of a few hundred weights, and foreign checkpoints of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from bertline.features.batches import MODEL_INPUTS
from bertline.features.spec import InputSpec
from bertline.modeling.config import ModelSpec
from bertline.modeling.families.bert.config import BertConfig

Arrays = dict[str, NDArray[Any]]

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
VOCABULARY = [*SPECIAL, *(f"word{n}" for n in range(26))]


def toy_config(**changes: Any) -> BertConfig:
    """2 layers of hidden size 8; weights large enough that every part of the encoder matters."""
    values = {
        "vocab_size": len(VOCABULARY),
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 12,
        "max_position_embeddings": 32,
        "initializer_range": 0.5,
    }
    return BertConfig.parse(values | changes, where="toy")


def toy_spec(**changes: Any) -> ModelSpec:
    return ModelSpec(
        task="snips",
        head="intent_slots",
        encoder=toy_config(**changes),
        labels={"intents": ["GetWeather", "PlayMusic"], "tags": ["O", "B-artist", "I-artist"]},
        inputs=InputSpec(max_seq_length=32),
    )


def batch_of(*rows: list[int], length: int) -> dict[str, NDArray[np.int32]]:
    """Model inputs: the ids `rows`, padded; the second half of each row is segment 1."""
    arrays = np.zeros((3, len(rows), length), np.int32)
    for number, ids in enumerate(rows):
        arrays[0, number, : len(ids)] = ids
        arrays[1, number, : len(ids)] = 1
        arrays[2, number, len(ids) // 2 : len(ids)] = 1
    return dict(zip(MODEL_INPUTS, arrays, strict=True))


def hugging_face_tensors(config: BertConfig) -> Arrays:
    """Random tensors under Hugging Face's names; dense weights are [out, in]."""
    random = np.random.default_rng(0)
    hidden, inner = config.hidden_size, config.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (config.vocab_size, hidden),
        "embeddings.position_embeddings.weight": (config.max_position_embeddings, hidden),
        "embeddings.token_type_embeddings.weight": (config.type_vocab_size, hidden),
        "embeddings.LayerNorm.weight": (hidden,),
        "embeddings.LayerNorm.bias": (hidden,),
        "pooler.dense.weight": (hidden, hidden),
        "pooler.dense.bias": (hidden,),
    }
    for i in range(config.num_hidden_layers):
        block = f"encoder.layer.{i}"
        for name, outputs, inputs in (
            ("attention.self.query", hidden, hidden),
            ("attention.self.key", hidden, hidden),
            ("attention.self.value", hidden, hidden),
            ("attention.output.dense", hidden, hidden),
            ("intermediate.dense", inner, hidden),
            ("output.dense", hidden, inner),
        ):
            shapes[f"{block}.{name}.weight"] = (outputs, inputs)
            shapes[f"{block}.{name}.bias"] = (outputs,)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes[f"{block}.{name}.weight"] = shapes[f"{block}.{name}.bias"] = (hidden,)
    return {name: random.normal(size=shape).astype("float32") for name, shape in shapes.items()}


def write_hugging_face(
    folder: Path, tensors: Arrays | None = None, **changes: Any
) -> tuple[BertConfig, Arrays]:
    """Writes a Hugging Face folder of the toy encoder; `changes` go into its config.json."""
    config = toy_config()
    tensors = hugging_face_tensors(config) if tensors is None else tensors
    folder.mkdir(parents=True, exist_ok=True)
    values = (
        config.model_dump(exclude={"do_lower_case", "family"}) | {"model_type": "bert"} | changes
    )
    (folder / "config.json").write_text(json.dumps(values))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    save_file(tensors, str(folder / "model.safetensors"))
    return config, tensors


def google_name(path: str) -> str:
    """Google's name of one of the encoder's weights, spelled out and not looked up."""
    for ours, theirs in (
        ("encoder/embeddings/", "bert/embeddings/"),
        ("encoder/pooler/", "bert/pooler/dense/"),
        ("encoder/layer_", "bert/encoder/layer_"),
        ("/words", "/word_embeddings"),
        ("/positions", "/position_embeddings"),
        ("/segments", "/token_type_embeddings"),
        ("attention/output/", "attention/output/dense/"),
        ("attention_norm/", "attention/output/LayerNorm/"),
        ("output_norm/", "output/LayerNorm/"),
        ("norm/", "LayerNorm/"),
        ("intermediate/", "intermediate/dense/"),
    ):
        path = path.replace(ours, theirs)
    for name in ("query", "key", "value"):
        path = path.replace(f"attention/{name}", f"attention/self/{name}")
    parts = path.split("/")
    if parts[-3].startswith("layer_") and parts[-2] == "output":
        parts.insert(-1, "dense")
    return "/".join(parts)


def write_google(folder: Path, tensors: Arrays, prefix: str = "bert_model.ckpt") -> BertConfig:
    """Writes a Google TF1 folder of the toy encoder with `tensors`, by their names there."""
    import tensorflow as tf

    config = toy_config()
    folder.mkdir(parents=True, exist_ok=True)
    values = config.model_dump(exclude={"do_lower_case", "family", "layer_norm_eps"})
    (folder / "bert_config.json").write_text(json.dumps(values))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    tf.raw_ops.SaveV2(
        prefix=str(folder / prefix),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=list(tensors.values()),
    )
    return config
