"""import_checkpoint: a foreign checkpoint → Encoder."""

import shutil
from pathlib import Path

from bertline.artifacts import new_artifact, write_json
from bertline.config import Config
from bertline.errors import CheckpointError
from bertline.features.tokenizer import read_vocab
from bertline.modeling.checkpoints import google, huggingface, packaged


class Settings(Config):
    """checkpoint: "packaged", or the folder of a BERT from Hugging Face or Google (TF1)."""

    checkpoint: str = packaged.NAME


def run(settings: Settings, *, encoder: Path) -> None:
    """Writes the artifact `encoder`: weights.safetensors, encoder.json, vocab.txt.

    Raises CheckpointError if a file is missing or weights, config and vocabulary do not belong
    together.
    """
    from bertline.modeling.weights import save_weights, weights_digest

    is_packaged = settings.checkpoint == packaged.NAME
    source = packaged.folder() if is_packaged else Path(settings.checkpoint).expanduser()
    if not source.is_dir():
        raise CheckpointError(f"{source}: no such folder; give one from Hugging Face or Google")
    vocab_file = source / "vocab.txt"
    vocabulary = read_vocab(vocab_file)
    if (source / google.CONFIG_FILE).is_file():
        config = google.read_config(source, vocabulary)
        weights = google.read_weights(source, config)
    else:
        config = huggingface.read_config(source)
        weights = huggingface.read_weights(source, config)
    if len(vocabulary) != config.vocab_size:
        raise CheckpointError(
            f"{vocab_file}: {len(vocabulary)} entries, the config says {config.vocab_size}; "
            "use the vocabulary that belongs to the weights"
        )
    facts = {"checkpoint": settings.checkpoint, "weights_sha256": weights_digest(weights)}
    with new_artifact(encoder, "encoder", facts) as folder:
        save_weights(weights, folder / "weights.safetensors")
        write_json(folder / "encoder.json", config.model_dump())
        shutil.copyfile(vocab_file, folder / "vocab.txt")
    print(f"encoder: {config.num_hidden_layers} layers, hidden size {config.hidden_size}")
