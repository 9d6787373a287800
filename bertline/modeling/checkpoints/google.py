"""Google's TF1 BERT checkpoints (bert_config.json, bert_model.ckpt.*, vocab.txt) in."""

import re
from collections.abc import Container
from pathlib import Path

from bertline.artifacts import read_json
from bertline.errors import CheckpointError
from bertline.keras_import import import_keras
from bertline.modeling.checkpoints.accounting import by_our_names
from bertline.modeling.config import EncoderConfig
from bertline.modeling.weights import Tensors

CONFIG_FILE = "bert_config.json"

# The slots of the usual optimizers, whose variable may be gone.
_SLOT = re.compile(r".+/((adam|lamb)_[mv]|Adam(_1)?)")
_OF_TF2 = "/.ATTRIBUTES/"

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


def read_config(file: Path) -> EncoderConfig:
    """The encoder's config from a bert_config.json, in which nothing is said of its tokenizer.

    Raises CheckpointError if there is none, DataError or ConfigError if it is damaged or not one
    of an encoder that is here.
    """
    if not file.is_file():
        raise CheckpointError(
            f"{file}: no such file; give the checkpoint's config as import_checkpoint.config"
        )
    values = read_json(file)
    if values.get("hidden_act") == "gelu":
        values["hidden_act"] = "gelu_tanh"
    return EncoderConfig.of_checkpoint(values, where=str(file))


def prefix_in(folder: Path) -> Path:
    """What the names of the one checkpoint's files in `folder` begin with.

    Raises CheckpointError where there is none or more than one.
    """
    prefixes = [file.with_suffix("") for file in sorted(folder.glob("*.ckpt*.index"))]
    if not prefixes:
        raise CheckpointError(f"{folder}: 0 checkpoints (*.ckpt*.index); copy all their files")
    if len(prefixes) > 1:
        raise CheckpointError(f"{folder}: {len(prefixes)} checkpoints; name one: {prefixes[-1]}")
    return prefixes[0]


def read_weights(prefix: Path, config: EncoderConfig) -> Tensors:
    """The weights by the paths of `bertline.modeling.shapes`, float32: encoder and heads.

    prefix: what the names of the checkpoint's files begin with. What an optimizer left in it is
    skipped: numbers such as its step, and variables below another one's name. Raises
    CheckpointError where a file is missing, damaged or of TF2, and as `by_our_names` does.
    """
    return by_our_names(
        _tensors(prefix),
        config,
        their_name=_google_name,
        is_transposed=lambda path: _google_name(path).endswith("output_weights"),
        where=str(prefix),
    )


def _tensors(prefix: Path) -> Tensors:
    import_keras()  # which TensorFlow imports
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(str(prefix))
        shapes = reader.get_variable_to_shape_map()
        if any(_OF_TF2 in name for name in shapes):
            raise CheckpointError(
                f"{prefix}: a checkpoint of TF2 objects, which has no names of BERT's variables; "
                "save the model as a SavedModel and convert that, or save it by Hugging Face's "
                "save_pretrained"
            )
        names = [name for name in shapes if shapes[name] and not _is_slot(name, shapes)]
        return {name: reader.get_tensor(name) for name in names}
    except (tf.errors.OpError, IndexError, RuntimeError, ValueError) as error:
        first_line = str(error).splitlines()[0]
        raise CheckpointError(f"{prefix}: unreadable ({first_line}); copy all its files") from None


def _is_slot(name: str, names: Container[str]) -> bool:
    """Whether a variable is an optimizer's: the name of the variable it belongs to comes before."""
    parts = name.split("/")
    owners = ("/".join(parts[:count]) for count in range(1, len(parts)))
    return bool(_SLOT.fullmatch(name)) or any(owner in names for owner in owners)


def _google_name(path: str) -> str:
    """Google's name of the weight `path`."""
    if path in _HEADS:
        return _HEADS[path]
    _, *scopes, parameter = path.split("/")
    prefix = "bert/"
    if scopes[0].startswith("layer_"):
        prefix += f"encoder/{scopes.pop(0)}/"
    whole = "/".join([*scopes, parameter])
    if whole in _PARTS:
        return prefix + _PARTS[whole]
    return f"{prefix}{_PARTS['/'.join(scopes)]}/{parameter}"
