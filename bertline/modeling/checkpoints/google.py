"""The files of Google's TF1 checkpoints (bert_config.json, bert_model.ckpt.*, vocab.txt)."""

import contextlib
import re
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from bertline.artifacts import read_json
from bertline.errors import CheckpointError
from bertline.keras_import import import_keras
from bertline.modeling.checkpoints.accounting import by_our_names, check_family, form_of
from bertline.modeling.families.base import EncoderConfig, Family
from bertline.modeling.families.lookup import family_of, supported_family
from bertline.modeling.families.recognition import marked_family
from bertline.modeling.weights import Tensors
from bertline.tables.families import DEFAULT_FAMILY

FORMAT = "google"
CONFIG_FILE = "bert_config.json"

# The slots of the usual optimizers, whose variable may be gone.
_SLOT = re.compile(r".+/((adam|lamb)_[mv]|Adam(_1)?)")
_OF_TF2 = "/.ATTRIBUTES/"


def family_in(prefix: Path) -> Family[Any]:
    """The family that the names of a checkpoint's variables are of; by default DEFAULT_FAMILY.

    prefix: what the names of the checkpoint's files begin with. Raises CheckpointError for a family
    that is not supported, and where a file is missing, damaged or of TF2.
    """
    with _opened(prefix) as reader:
        names = reader.get_variable_to_shape_map()
    return supported_family(marked_family(names) or DEFAULT_FAMILY, where=str(prefix))


def read_config(file: Path, family: Family[Any]) -> EncoderConfig:
    """The encoder's config from a bert_config.json, which does not describe its tokenizer.

    Raises CheckpointError if there is none, DataError or ConfigError if it is damaged or not one
    of an encoder of this family.
    """
    if not file.is_file():
        raise CheckpointError(
            f"{file}: no such file; give the checkpoint's config as import_checkpoint.config"
        )
    form = form_of(family, FORMAT, str(file))
    config: EncoderConfig = form.read_config(read_json(file), str(file))
    return config


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
    """The weights by our paths, float32: encoder and heads.

    prefix: what the names of the checkpoint's files begin with. What an optimizer left in it is
    skipped: numbers such as its step, and variables below another one's name. Raises
    CheckpointError where a file is missing, damaged or of TF2, and as `by_our_names` does.
    """
    form = form_of(family_of(config), FORMAT, str(prefix))
    with _opened(prefix) as reader:
        shapes = reader.get_variable_to_shape_map()
        check_family(shapes, config.family, where=str(prefix))
        names = [name for name in shapes if shapes[name] and not _is_slot(name, shapes)]
        tensors = {name: reader.get_tensor(name) for name in names}
    return by_our_names(tensors, config, form, where=str(prefix))


@contextlib.contextmanager
def _opened(prefix: Path) -> Iterator[Any]:
    """A checkpoint's reader; what it raises in the block is a CheckpointError."""
    import_keras()  # which TensorFlow imports
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(str(prefix))
        if any(_OF_TF2 in name for name in reader.get_variable_to_shape_map()):
            raise CheckpointError(
                f"{prefix}: a checkpoint of TF2 objects, which does not name an encoder's "
                "variables; save the model as a SavedModel and convert that, or save it by Hugging "
                "Face's save_pretrained"
            )
        yield reader
    except (tf.errors.OpError, IndexError, RuntimeError, ValueError) as error:
        first_line = str(error).splitlines()[0]
        raise CheckpointError(f"{prefix}: unreadable ({first_line}); copy all its files") from None


def _is_slot(name: str, names: Container[str]) -> bool:
    """Whether a variable is an optimizer's: the name of the variable it belongs to comes before."""
    parts = name.split("/")
    owners = ("/".join(parts[:count]) for count in range(1, len(parts)))
    return bool(_SLOT.fullmatch(name)) or any(owner in names for owner in owners)
