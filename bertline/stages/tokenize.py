"""Examples and an encoder's vocabulary in, TFRecord features out."""

import shutil
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from bertline.artifacts import file_sha256, new_artifact, read_json, read_manifest
from bertline.errors import ConfigError
from bertline.features.kinds import KINDS
from bertline.features.shards import Summary, plan_shards
from bertline.features.spec import InputSpec
from bertline.features.tokenizer import read_vocab
from bertline.modeling.config import EncoderConfig


class Settings(InputSpec):
    """What a model reads at once, and num_shards: feature files a split, each one worker's."""

    num_shards: Annotated[int, Field(ge=1)] = 1


def run(settings: Settings, *, examples: Path, encoder: Path, features: Path) -> None:
    """Writes a features artifact: `<split>-NNNNN-of-NNNNN.tfrecord` files and vocab.txt.

    The manifest tells task, example_kind, labels (the classes of the model's outputs), inputs (an
    InputSpec), vocab_sha256, do_lower_case, and for each split counts of records (of a question
    there are several), truncated, lengths (number of records by length in tokens, rounded up to a
    multiple of 8) and shards (file names in order). Equal inputs and settings give equal bytes.
    Raises ConfigError, CheckpointError or DataError.
    """
    # Beam takes seconds to import, and settings are checked before anything runs.
    from bertline.features.beam import EncodeJob, encode_shards

    source = read_manifest(examples, "examples").about
    read_manifest(encoder, "encoder")
    encoder_config = EncoderConfig.parse(read_json(encoder / "encoder.json"), where=str(encoder))
    if settings.max_seq_length > encoder_config.max_position_embeddings:
        raise ConfigError(
            f"max_seq_length {settings.max_seq_length} is more than the "
            f"{encoder_config.max_position_embeddings} positions of the encoder; lower it"
        )
    vocab_file = encoder / "vocab.txt"
    read_vocab(vocab_file)
    if source["example_kind"] not in KINDS:
        raise ConfigError(
            f"{examples}: {source['example_kind']} examples have no labels; give a labelled task's"
        )
    if settings.truncation != "head" and source["example_kind"] != "labelled_text":
        raise ConfigError(
            f"truncation {settings.truncation!r}: {source['task']} is read from the head; leave it "
            "out"
        )
    labels = KINDS[source["example_kind"]].labels(source["labels"])
    inputs = InputSpec.parse(settings.model_dump(exclude={"num_shards"}), where="tokenize")
    about: dict[str, Any] = {
        "task": source["task"],
        "example_kind": source["example_kind"],
        "labels": labels,
        "inputs": inputs.model_dump(),
        "vocab_sha256": file_sha256(vocab_file),
        "do_lower_case": encoder_config.do_lower_case,
        "counts": {},
        "truncated": {},
        "lengths": {},
        "shards": {},
    }
    with new_artifact(features, "features", about) as folder:
        job = EncodeJob(
            example_kind=source["example_kind"],
            labels=labels,
            vocab_file=Path(shutil.copy(vocab_file, folder)),
            do_lower_case=encoder_config.do_lower_case,
            inputs=inputs,
        )
        splits = {
            split: plan_shards(
                examples / f"{split}.jsonl", count, _targets(folder, split, settings)
            )
            for split, count in source["counts"].items()
        }
        shards = [shard for of_split in splits.values() for shard in of_split]
        summaries = dict(zip(shards, encode_shards(job, shards), strict=True))
        for split, of_split in splits.items():
            total = Summary.total(summaries[shard] for shard in of_split)
            about["counts"][split] = total.count
            about["truncated"][split] = total.truncated
            about["lengths"][split] = total.lengths
            about["shards"][split] = [shard.target.name for shard in of_split]


def _targets(folder: Path, split: str, settings: Settings) -> list[Path]:
    count = settings.num_shards
    return [folder / f"{split}-{n:05d}-of-{count:05d}.tfrecord" for n in range(count)]
