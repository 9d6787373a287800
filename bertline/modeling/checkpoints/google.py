"""Google's TF1 BERT folders (bert_config.json, bert_model.ckpt.*, vocab.txt) in."""

from collections.abc import Iterable
from pathlib import Path

from bertline.artifacts import read_json
from bertline.errors import CheckpointError
from bertline.modeling.config import EncoderConfig
from bertline.modeling.shapes import check_shapes, encoder_shapes
from bertline.modeling.weights import Tensors

CONFIG_FILE = "bert_config.json"

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


def read_config(folder: Path, vocabulary: Iterable[str]) -> EncoderConfig:
    """The encoder's config from bert_config.json.

    A vocabulary without a capital letter tells that the encoder was trained on lower-cased text.
    """
    values = read_json(folder / CONFIG_FILE)
    if values.get("hidden_act") == "gelu":
        values["hidden_act"] = "gelu_tanh"
    values["do_lower_case"] = looks_lower_cased(vocabulary)
    known = {key: values[key] for key in EncoderConfig.model_fields if key in values}
    return EncoderConfig.parse(known, where=str(folder / CONFIG_FILE))


def looks_lower_cased(vocabulary: Iterable[str]) -> bool:
    """Whether no entry of a vocabulary has a capital letter, markers such as [CLS] apart."""
    return not any(entry != entry.lower() for entry in vocabulary if not entry.startswith("["))


def read_weights(folder: Path, config: EncoderConfig) -> Tensors:
    """The encoder's weights by the names of `bertline.modeling.encoder`, float32.

    Optimizer slots and heads in the checkpoint are left alone. Raises CheckpointError where there
    is no checkpoint, a variable is missing or its shape is not the config's.
    """
    import tensorflow as tf

    prefix = _prefix(folder)
    names = {path: _google_name(path) for path in encoder_shapes(config)}
    try:
        reader = tf.train.load_checkpoint(prefix)
        found = reader.get_variable_to_shape_map()
        weights = {path: reader.get_tensor(name) for path, name in names.items() if name in found}
    except (tf.errors.OpError, IndexError, RuntimeError, ValueError) as error:
        first_line = str(error).splitlines()[0]
        raise CheckpointError(f"{prefix}: unreadable ({first_line}); copy all its files") from None
    check_shapes(weights, config, where=str(folder))
    return weights


def _google_name(path: str) -> str:
    """Google's name of the encoder weight `path`."""
    _, *scopes, parameter = path.split("/")
    prefix = "bert/"
    if scopes[0].startswith("layer_"):
        prefix += f"encoder/{scopes.pop(0)}/"
    whole = "/".join([*scopes, parameter])
    if whole in _PARTS:
        return prefix + _PARTS[whole]
    return f"{prefix}{_PARTS['/'.join(scopes)]}/{parameter}"


def _prefix(folder: Path) -> str:
    """What the names of the checkpoint's files begin with."""
    indexes = sorted(folder.glob("*.ckpt*.index"))
    if len(indexes) != 1:
        raise CheckpointError(
            f"{folder}: {len(indexes)} checkpoints (*.ckpt*.index); give a folder that holds one"
        )
    return str(indexes[0]).removesuffix(".index")
