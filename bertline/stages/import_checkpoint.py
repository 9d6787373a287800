"""import_checkpoint: a foreign checkpoint → Encoder."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from bertline.addresses import without_secrets
from bertline.artifacts import new_artifact, write_json
from bertline.config import Config
from bertline.errors import CheckpointError, ConfigError
from bertline.features.tokenizer import read_vocab
from bertline.modeling.checkpoints import google, huggingface, packaged
from bertline.modeling.checkpoints.source import Files, opened
from bertline.modeling.config import EncoderConfig, Fraction, Positive
from bertline.modeling.shapes import encoder_shapes

if TYPE_CHECKING:
    from bertline.modeling.weights import Tensors


class Settings(Config):
    """checkpoint: "packaged", a name that `bertline checkpoints` lists, or a BERT of one's own.

    That is a folder or an archive of Google's (TF1) or Hugging Face's files, on disk or at an
    https:// or gs:// address, or what the names of a TF1 checkpoint's files begin with.

    config, vocab: files or addresses used instead of those beside the weights. do_lower_case: the
    casing of the vocabulary; None takes that of a known checkpoint, of tokenizer_config.json, or
    what the vocabulary looks like. num_layers: keep the first so many layers. dropout: of hidden
    units and of attention, instead of the config's.
    """

    checkpoint: str = packaged.NAME
    config: str | None = None
    vocab: str | None = None
    do_lower_case: bool | None = None
    num_layers: Positive | None = None
    dropout: Fraction | None = None


def run(settings: Settings, *, encoder: Path) -> None:
    """Writes the artifact `encoder`: weights.safetensors, encoder.json, vocab.txt.

    Beside them head.safetensors, where the checkpoint has heads: the tensors that the manifest's
    `heads` tells with their shapes, by the paths of `bertline.modeling.shapes.head_shapes`. The
    manifest also tells checkpoint, weights_sha256 and layers_dropped. Raises CheckpointError with
    a list if the weights do not fit the config, and CheckpointError, ConfigError, DataError or
    StorageError if a file is missing or damaged or vocabulary and config do not belong together.
    """
    from bertline.modeling.weights import save_weights, weights_digest

    with opened(settings.checkpoint, settings.config, settings.vocab) as files:
        vocabulary = read_vocab(files.vocab)
        whole, tensors = _read(files, vocabulary, settings.do_lower_case)
        if len(vocabulary) != whole.vocab_size:
            raise CheckpointError(
                f"{files.vocab}: {len(vocabulary)} entries, the config says {whole.vocab_size}; "
                "use the vocabulary that belongs to the weights"
            )
        config = _changed(whole, settings)
        weights = {path: tensors[path] for path in encoder_shapes(config)}
        heads = {path: tensors[path] for path in tensors if not path.startswith("encoder/")}
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
            write_json(folder / "encoder.json", config.model_dump())
            shutil.copyfile(files.vocab, folder / "vocab.txt")
    _print_summary(config, layers_dropped, heads)


def _read(
    files: Files, vocabulary: dict[str, int], do_lower_case: bool | None
) -> tuple[EncoderConfig, "Tensors"]:
    """The config and all tensors of a checkpoint."""
    if files.prefix is None:
        config = huggingface.read_config(files.folder, files.config)
        if do_lower_case is not None:
            config = config.model_copy(update={"do_lower_case": do_lower_case})
        return config, huggingface.read_weights(files.folder, config)
    if do_lower_case is None:
        known = files.known
        do_lower_case = known.do_lower_case if known else google.looks_lower_cased(vocabulary)
    config = google.read_config(files.config, do_lower_case)
    return config, google.read_weights(files.prefix, config)


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


def _print_summary(config: EncoderConfig, layers_dropped: int, heads: "Tensors") -> None:
    casing = "uncased" if config.do_lower_case else "cased"
    print(f"encoder: {config.num_hidden_layers} layers, hidden size {config.hidden_size}, {casing}")
    if layers_dropped:
        print(f"  layers dropped: {layers_dropped}")
    if heads:
        print(f"  with heads: {', '.join(sorted({path.partition('/')[0] for path in heads}))}")
