"""What fine-tuning starts from: an encoder, a checkpoint's own head, or an earlier run."""

from pathlib import Path

from bertline.artifacts import file_sha256
from bertline.errors import CheckpointError
from bertline.modeling.checkpoints.heads import HeadSpec
from bertline.modeling.config import ModelSpec
from bertline.modeling.families.base import EncoderConfig
from bertline.modeling.folder import fetched_model
from bertline.modeling.weights import Tensors, load_weights


def encoder_start(encoder: Path, with_head: bool) -> Tensors:
    """The weights of an encoder artifact by path; with_head: its head.safetensors too.

    Raises CheckpointError where a file is missing or damaged.
    """
    weights = load_weights(encoder / "weights.safetensors")
    return weights | load_weights(encoder / "head.safetensors") if with_head else weights


def check_head(encoder: Path, spec: ModelSpec) -> None:
    """Raises CheckpointError unless the head of an encoder artifact can start that of `spec`."""
    if not (encoder / HeadSpec.file_name).is_file():
        raise CheckpointError(f"{encoder}: the checkpoint has no head; leave keep_head out")
    head = HeadSpec.read(encoder)
    if head.name != spec.head:
        raise CheckpointError(
            f"{encoder}: the checkpoint's head is a {head.name}, the task needs a {spec.head}; "
            "leave keep_head out"
        )
    classes = tuple(spec.labels.get("classes", ()))
    if head.classes != classes and sorted(head.classes) == sorted(classes):
        raise CheckpointError(
            f"{encoder}: the checkpoint's classes are in the order {', '.join(head.classes)}, the "
            f"data's in the order {', '.join(classes)}; leave keep_head out"
        )


def model_start(source: str, spec: ModelSpec, vocab: Path) -> Tensors:
    """The weights of an earlier run's model, encoder and head, by path.

    source: a model folder, on disk or at a gs:// address. Its encoder's config (dropout apart),
    head, labels and vocabulary must be those of `spec` and `vocab`. Raises CheckpointError that
    names what differs, DataError where it is damaged, DataError or StorageError where it is no such
    folder.
    """
    with fetched_model(source) as folder:
        return _fitting_weights(source, folder, spec, vocab)


def _fitting_weights(source: str, folder: Path, spec: ModelSpec, vocab: Path) -> Tensors:
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
