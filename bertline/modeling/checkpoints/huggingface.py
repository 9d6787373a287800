"""The files of Hugging Face's folders (config.json, safetensors, vocab.txt): read and written."""

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
from bertline.modeling.checkpoints.accounting import by_our_names, check_family, form_of
from bertline.modeling.families.base import EncoderConfig
from bertline.modeling.families.lookup import family_of, supported_family
from bertline.modeling.weights import Tensors, load_tensors
from bertline.tables.families import DEFAULT_FAMILY

FORMAT = "huggingface"
_OTHER_WEIGHTS = ("pytorch_model*.bin", "tf_model.h5", "flax_model.msgpack", "*.onnx")


def read_config(file: Path) -> EncoderConfig:
    """The encoder's config from a config.json, which does not describe its tokenizer.

    Raises CheckpointError if its family is not supported or this is not an encoder of it.
    """
    values = read_values(file)
    family = supported_family(str(values.get("model_type") or DEFAULT_FAMILY), where=str(file))
    config: EncoderConfig = form_of(family, FORMAT, str(file)).read_config(values, str(file))
    return config


def read_weights(folder: Path, config: EncoderConfig) -> Tensors:
    """The weights by our paths, float32: encoder and heads.

    Reads model.safetensors or the shards that model.safetensors.index.json lists. Raises
    CheckpointError where a file is missing or damaged, where a tensor is not the other that it has
    to repeat, and as `by_our_names` does.
    """
    form = form_of(family_of(config), FORMAT, str(folder))
    tensors = _tensors(folder)
    check_family(tensors, config.family, where=str(folder))
    named = {form.present_name(name): value for name, value in tensors.items()}
    found = {name: value for name, value in named.items() if name not in form.copies}
    for copy, original in form.copies.items():
        if copy in named and original and not _is_equal(named[copy], named.get(original)):
            raise CheckpointError(
                f"{folder}: {copy} is not {original}; give a checkpoint whose tie_word_embeddings "
                "is true"
            )
    return by_our_names(found, config, form, where=str(folder))


def write_checkpoint(
    folder: Path, config: EncoderConfig, weights: Tensors, vocab: Path | None = None
) -> None:
    """Writes config.json and model.safetensors into `folder`, as from_pretrained reads them.

    weights: by our paths, as `read_weights` gives them; others among them (a head's) are left out.
    vocab: a vocab.txt; with it the folder is a tokenizer's too.
    """
    family = family_of(config)
    form = form_of(family, FORMAT, str(folder))
    assert form.write_config is not None, f"checkpoints of {family.name} are only read"
    write_json(folder / "config.json", form.write_config(config))
    shapes = family.shapes(config)
    tensors = {
        theirs: np.ascontiguousarray(weights[ours].T if form.is_transposed(ours) else weights[ours])
        for ours, theirs in form.names(config).items()
        if ours in shapes
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
        raise CheckpointError(
            f"{file}: no such file; give a folder saved by Hugging Face's save_pretrained"
        )
    return read_json(file)
