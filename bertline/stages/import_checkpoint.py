"""import_checkpoint: a foreign checkpoint → Encoder."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertline.addresses import without_secrets
from bertline.artifacts import new_artifact, write_json, write_text
from bertline.config import Config
from bertline.errors import CheckpointError, ConfigError
from bertline.modeling.checkpoints import google, huggingface, packaged
from bertline.modeling.checkpoints.heads import HeadSpec, head_of
from bertline.modeling.checkpoints.source import Files, opened
from bertline.modeling.checkpoints.tokenizer_files import read_tokenizer
from bertline.modeling.families.base import ENCODER_FILE, EncoderConfig, Fraction, Positive
from bertline.modeling.families.lookup import family_of

if TYPE_CHECKING:
    from bertline.modeling.weights import Tensors


MAX_PADDING_ROWS = 1024


class Settings(Config):
    """checkpoint: "packaged", a name that `bertline checkpoints` lists, or a BERT of one's own.

    That is a folder or an archive of Google's (TF1) or Hugging Face's files, on disk or at an
    https:// or gs:// address, or what the names of a TF1 checkpoint's files begin with.

    config, vocab: files or addresses used instead of those beside the weights. do_lower_case: the
    casing of the vocabulary; None takes that of tokenizer_config.json or tokenizer.json, of a known
    checkpoint, or what the vocabulary looks like. num_layers: keep the first so many layers.
    dropout: of hidden units and of attention, instead of the config's.
    """

    checkpoint: str = packaged.NAME
    config: str | None = None
    vocab: str | None = None
    do_lower_case: bool | None = None
    num_layers: Positive | None = None
    dropout: Fraction | None = None


def run(settings: Settings, *, encoder: Path) -> None:
    """Writes the artifact `encoder`: weights.safetensors, encoder.json, vocab.txt.

    Beside them, where the checkpoint has heads, head.safetensors, whose tensors the manifest's
    `heads` tells with their shapes, by the paths of the family's `head_shapes`, and
    head.json (a HeadSpec) where one of them is no head of pre-training. The manifest also tells
    checkpoint, weights_sha256 and layers_dropped. A head that is not supported is left out. Raises
    CheckpointError with a list if the weights do not fit the config, and CheckpointError,
    ConfigError, DataError or StorageError if a file is missing or damaged, weights are not finite
    or vocabulary and config do not belong together.
    """
    from bertline.modeling.weights import save_weights, weights_digest

    with opened(settings.checkpoint, settings.config, settings.vocab) as files:
        whole, vocabulary = _read_config(files, settings.do_lower_case)
        _check_size(files, vocabulary, whole)
        tensors, whole, head = _read_weights(files, whole)
        config = _changed(whole, settings)
        weights = {path: tensors[path] for path in family_of(config).shapes(config)}
        heads = {path: tensors[path] for path in tensors if not path.startswith("encoder/")}
        if head and not head.is_supported:
            heads = {path: heads[path] for path in heads if not path.startswith("label_dense/")}
        layers_dropped = whole.num_hidden_layers - config.num_hidden_layers
        about = {
            "checkpoint": without_secrets(settings.checkpoint),
            "weights_sha256": weights_digest(weights),
            "layers_dropped": layers_dropped,
            "heads": {path: list(value.shape) for path, value in sorted(heads.items())},
        }
        with new_artifact(encoder, "encoder", about) as folder:
            save_weights(weights, folder / "weights.safetensors")
            if heads:
                save_weights(heads, folder / "head.safetensors")
            if head:
                head.write(folder)
            write_json(folder / ENCODER_FILE, config.model_dump())
            write_text(folder / "vocab.txt", "".join(f"{token}\n" for token in vocabulary))
        has_pooling = settings.checkpoint != packaged.NAME and any(
            (folder / "1_Pooling").is_dir() for folder in (files.folder, files.folder.parent)
        )
    _print_summary(config, len(vocabulary), layers_dropped, heads)
    if has_pooling:
        print("  left out: sentence-transformers' pooling; apply it to sequence_output")
    if head and not head.is_supported:
        print(f"  left out: its head, a {head.name}, which is not supported")


def _read_config(files: Files, do_lower_case: bool | None) -> tuple[EncoderConfig, dict[str, int]]:
    """The config of a checkpoint, apart from its pooler, and its vocabulary."""
    # What is of no supported family may have no vocab.txt either: the config is read first.
    if files.prefix is None:
        config = huggingface.read_config(files.config)
    else:
        config = google.read_config(files.config, google.family_in(files.prefix))
    known = files.known.config.do_lower_case if files.known else None
    tokenizer = read_tokenizer(files.folder, files.vocab, known)
    config = config.with_tokenizer(tokenizer.spec)
    if do_lower_case is not None:
        config = config.model_copy(update={"do_lower_case": do_lower_case})
    return config, tokenizer.vocabulary


def _read_weights(
    files: Files, config: EncoderConfig
) -> tuple["Tensors", EncoderConfig, HeadSpec | None]:
    """All tensors of a checkpoint, the config of what is there, and what its head is."""
    if files.prefix is not None:
        tensors = google.read_weights(files.prefix, config)
        values, where = {}, str(files.prefix)
    else:
        tensors = huggingface.read_weights(files.folder, config)
        values, where = huggingface.read_values(files.config), str(files.config)
    config = family_of(config).fitted(config, tensors)
    return tensors, config, head_of(tensors, values, where, config.has_pooler)


def _check_size(files: Files, vocabulary: dict[str, int], config: EncoderConfig) -> None:
    """Raises CheckpointError unless the word table has a row for each entry, and no more.

    More rows are right where the table was padded to a multiple of 8 for the hardware's sake.
    """
    spare = config.vocab_size - len(vocabulary)
    if spare == 0 or (0 < spare < MAX_PADDING_ROWS and config.vocab_size % 8 == 0):
        return
    raise CheckpointError(
        f"{files.vocab}: {len(vocabulary)} entries, the config says {config.vocab_size}; "
        "use the vocabulary that belongs to the weights"
    )


def _changed(config: EncoderConfig, settings: Settings) -> EncoderConfig:
    """The config with what the settings ask for."""
    changes: dict[str, float] = {}
    if settings.num_layers is not None:
        if settings.num_layers > config.num_hidden_layers:
            raise ConfigError(
                f"num_layers {settings.num_layers}: {settings.checkpoint} has "
                f"{config.num_hidden_layers} layers; ask for as many at most"
            )
        changes["num_hidden_layers"] = settings.num_layers
    if settings.dropout is not None:
        changes["hidden_dropout_prob"] = settings.dropout
        changes["attention_probs_dropout_prob"] = settings.dropout
    return config.model_copy(update=changes)


def _print_summary(
    config: EncoderConfig, num_entries: int, layers_dropped: int, heads: "Tensors"
) -> None:
    casing = "uncased" if config.do_lower_case else "cased"
    print(f"encoder: {config.num_hidden_layers} layers, hidden size {config.hidden_size}, {casing}")
    if config.vocab_size > num_entries:
        print(f"  rows of the word table without an entry: {config.vocab_size - num_entries}")
    if not config.has_pooler:
        print("  no pooler: it has no pooled output")
    if layers_dropped:
        print(f"  layers dropped: {layers_dropped}")
    if heads:
        print(f"  with heads: {', '.join(sorted({path.partition('/')[0] for path in heads}))}")
