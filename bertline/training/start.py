"""What fine-tuning starts from: an encoder, a checkpoint's own head, or an earlier run."""

import tempfile
from pathlib import Path

from bertline.artifacts import file_sha256
from bertline.errors import CheckpointError, called
from bertline.modeling.config import EncoderConfig, ModelSpec
from bertline.modeling.weights import Tensors, load_weights
from bertline.storage import fetch


def encoder_start(encoder: Path, with_head: bool) -> Tensors:
    """The weights of an encoder artifact by path; with_head: its head.safetensors too.

    Raises CheckpointError where a file is missing or damaged.
    """
    weights = load_weights(encoder / "weights.safetensors")
    return weights | load_weights(encoder / "head.safetensors") if with_head else weights


def model_start(source: str, spec: ModelSpec, vocab: Path) -> Tensors:
    """The weights of an earlier run's model, encoder and head, by path.

    source: a model folder, on disk or at a gs:// address. Its encoder's config (dropout apart),
    head, labels and vocabulary must be those of `spec` and `vocab`. Raises CheckpointError that
    names what differs, DataError or StorageError where it is no such folder.
    """
    with tempfile.TemporaryDirectory(prefix="bertline-") as temporary:
        folder = fetch(source, Path(temporary) / "model")
        with called(folder, source):
            return _checked_weights(source, folder, spec, vocab)


def _checked_weights(source: str, folder: Path, spec: ModelSpec, vocab: Path) -> Tensors:
    """The weights of the model in `folder`, which `source` names, if it fits `spec` and `vocab`."""
    earlier = ModelSpec.read(folder)
    parts = {
        "encoder config": (_without_dropout(earlier.encoder), _without_dropout(spec.encoder)),
        "head": (earlier.head, spec.head),
        "labels": (earlier.labels, spec.labels),
        "vocabulary": (_sha256(folder / "vocab.txt"), _sha256(vocab)),
    }
    different = [name for name, (theirs, ours) in parts.items() if theirs != ours]
    if different:
        raise CheckpointError(
            f"init_from {source}: {', '.join(different)} not as in this run; start from a "
            "model of the same checkpoint and data"
        )
    return load_weights(folder / "weights.safetensors")


def _sha256(file: Path) -> str | None:
    return file_sha256(file) if file.is_file() else None


def _without_dropout(config: EncoderConfig) -> EncoderConfig:
    return config.model_copy(
        update={"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    )
