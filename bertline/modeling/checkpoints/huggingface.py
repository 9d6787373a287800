"""Hugging Face BERT folders (config.json, safetensors, vocab.txt) in, and their weights out."""

import re
import shutil
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401  # makes bfloat16 known to NumPy
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from bertline.artifacts import read_json, write_json
from bertline.errors import CheckpointError
from bertline.features.spec import TokenizerSpec
from bertline.modeling.checkpoints.accounting import by_our_names
from bertline.modeling.config import EncoderConfig
from bertline.modeling.shapes import encoder_shapes
from bertline.modeling.weights import Tensors, load_tensors

_ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"}

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

# Numbers of positions and segments, and the words' table once more under another name.
_REPEATED = re.compile(
    r"embeddings\.(position|token_type)_ids|cls\.predictions\.decoder\.(weight|bias)"
)
_TIED = {
    "cls.predictions.decoder.weight": "embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}
_ONLY: dict[str, object] = {
    "model_type": "bert",
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}
"""Keys of config.json that make another network → the value that makes this encoder."""
_OTHER_WEIGHTS = ("pytorch_model*.bin", "tf_model.h5", "flax_model.msgpack", "*.onnx")
_FIRST_NAMES = {"gamma": "weight", "beta": "bias"}


def read_config(file: Path) -> EncoderConfig:
    """The encoder's config from a config.json, in which nothing is said of its tokenizer.

    Raises CheckpointError if it is not a BERT or not one that this encoder can be.
    """
    values = read_values(file)
    for key, known in _ONLY.items():
        if values.get(key, known) not in (known, None):
            raise CheckpointError(
                f"{file}: {key} is {values[key]!r}; give a checkpoint where it is {known!r}"
            )
    activation = values.get("hidden_act", "gelu")
    values["hidden_act"] = _ACTIVATIONS.get(str(activation), activation)
    return EncoderConfig.of_checkpoint(values, where=str(file))


def read_weights(folder: Path, config: EncoderConfig) -> Tensors:
    """The weights by the paths of `bertline.modeling.shapes`, float32: encoder and heads.

    Reads model.safetensors or the shards that model.safetensors.index.json lists. Names may start
    with "bert." and, as in the first BERTs, end with "gamma" and "beta". A pooler is there where
    the checkpoint has one. Raises CheckpointError where a file is missing or damaged, where masked
    words have a table of their own, and as `by_our_names` does.
    """
    named = {_present_name(name): value for name, value in _tensors(folder).items()}
    found = {name: value for name, value in named.items() if not _REPEATED.fullmatch(name)}
    for copy, original in _TIED.items():
        if copy in named and not _is_equal(named[copy], named.get(original)):
            raise CheckpointError(
                f"{folder}: {copy} is not {original}; give a checkpoint whose tie_word_embeddings "
                "is true"
            )
    names = _names(config.num_hidden_layers)
    return by_our_names(found, config, names.__getitem__, _is_kernel, where=str(folder))


def write_checkpoint(
    folder: Path, config: EncoderConfig, weights: Tensors, vocab: Path | None = None
) -> None:
    """Writes config.json and model.safetensors into `folder`, as BertModel.from_pretrained reads.

    weights: by the names of `bertline.modeling.encoder`, as `read_weights` gives them; others among
    them (a head's) are left out. vocab: a vocab.txt; with it the folder is a tokenizer's too.
    """
    values = config.model_dump(exclude={*TokenizerSpec.model_fields, "has_pooler"})
    if config.hidden_act == "gelu_tanh":
        values["hidden_act"] = "gelu_new"
    write_json(
        folder / "config.json", {"model_type": "bert", "architectures": ["BertModel"], **values}
    )
    tensors = {
        theirs: np.ascontiguousarray(weights[ours].T if _is_kernel(ours) else weights[ours])
        for ours, theirs in _names(config.num_hidden_layers).items()
        if ours in encoder_shapes(config)
    }
    # Transformers asks who wrote the file: "pt" says that kernels are stored [out, in].
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    if vocab:
        shutil.copyfile(vocab, folder / "vocab.txt")
        tokenizer = {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": config.do_lower_case,
            "strip_accents": config.strip_accents,
            "tokenize_chinese_chars": config.tokenize_chinese_chars,
            "model_max_length": config.max_position_embeddings,
        }
        write_json(folder / "tokenizer_config.json", tokenizer)


def _present_name(name: str) -> str:
    scope, dot, parameter = name.removeprefix("bert.").rpartition(".")
    return f"{scope}{dot}{_FIRST_NAMES.get(parameter, parameter)}"


def _is_kernel(path: str) -> bool:
    return path.endswith("/kernel")


def _names(num_layers: int) -> dict[str, str]:
    """Our path → Hugging Face's name, of all weights of an encoder and of heads."""
    names = {}
    for ours, theirs in (_ENCODER | _HEADS).items():
        for i in range(num_layers) if "{i}" in ours else (0,):
            path, name = ours.format(i=i), theirs.format(i=i)
            if name.endswith((".weight", ".bias")):
                names[path] = name
                continue
            weight, bias = ("gamma", "beta") if "norm" in path else ("kernel", "bias")
            names |= {f"{path}/{weight}": f"{name}.weight", f"{path}/{bias}": f"{name}.bias"}
    return names


def _tensors(folder: Path) -> Tensors:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        _check_format(folder)
        return load_tensors(folder / "model.safetensors")
    weight_map = read_values(index).get("weight_map")
    if not isinstance(weight_map, dict):
        raise CheckpointError(f"{index}: no weight_map; copy it again")
    names = sorted({str(name) for name in weight_map.values()})
    for name in names:
        # The index is foreign text: a shard is a file of this folder and nothing else.
        if not re.fullmatch(r"[\w.-]+\.safetensors", name):
            raise CheckpointError(f"{index}: {name!r} is not the name of a shard; fix the index")
    return {key: value for name in names for key, value in load_tensors(folder / name).items()}


def _is_equal(value: NDArray[Any], other: NDArray[Any] | None) -> bool:
    # NaN is equal to itself here; it is reported later, with the tensor's name.
    return other is None or value.tobytes() == other.tobytes()


def _check_format(folder: Path) -> None:
    """Raises CheckpointError where the only weights are in a format that is not read."""
    others = [file.name for pattern in _OTHER_WEIGHTS for file in sorted(folder.glob(pattern))]
    if others and not (folder / "model.safetensors").is_file():
        raise CheckpointError(
            f"{folder}: weights only as {others[0]}, which is not read; with Hugging Face's "
            'transformers write them as safetensors: AutoModel.from_pretrained("old")'
            '.save_pretrained("new"), AutoModel being the class in "architectures"'
        )


def read_values(file: Path) -> dict[str, Any]:
    """The JSON object of a config; raises CheckpointError if there is none."""
    if not file.is_file():
        raise CheckpointError(f"{file}: no such file; give a folder saved by Hugging Face's BERT")
    return read_json(file)
