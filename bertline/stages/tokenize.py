"""Examples and an encoder's vocabulary in, TFRecord features out."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from bertline.artifacts import file_sha256, new_artifact, read_json, read_manifest
from bertline.errors import ConfigError
from bertline.examples import read_split
from bertline.features.kinds import KINDS
from bertline.features.shards import Shard, describe, plan_shards
from bertline.features.spec import InputSpec, TokenizerSpec
from bertline.features.summary import summary_lines
from bertline.features.tokenizer import read_vocab
from bertline.modeling.families.base import ENCODER_FILE, EncoderConfig
from bertline.progress import note

MAX_SHARDS = 10_000
"""Of a split: each is a file, and without another runner a task of the pipeline."""


class Settings(InputSpec):
    """What a model reads at once, and how the work is spread.

    num_shards: feature files a split, each one worker's. shard: the only one to write, from 0, for
    merge_features; None: all of them. beam_runner: what runs the work: this process, Apache Flink
    or Google Cloud Dataflow. beam_options: Beam's own for that runner, as on its command line.
    """

    num_shards: Annotated[int, Field(ge=1, le=MAX_SHARDS)] = 1
    shard: Annotated[int, Field(ge=0)] | None = None
    beam_runner: Literal["fnapi", "flink", "dataflow"] = "fnapi"
    beam_options: Annotated[tuple[str, ...], Field(validate_default=True)] = ()

    @field_validator("shard")
    @classmethod
    def _is_one_of_them(cls, shard: int | None, info: ValidationInfo) -> int | None:
        if shard is not None and shard >= info.data.get("num_shards", shard + 1):
            raise ValueError(f"there are {info.data['num_shards']} shards, from 0; give another")
        return shard

    @field_validator("beam_options")
    @classmethod
    def _are_known(cls, options: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        runner = info.data.get("beam_runner", "fnapi")
        if options or runner != "fnapi":
            # Beam takes seconds to import.
            from bertline.features.beam import check_options

            check_options(runner, options)
        return options


def run(settings: Settings, *, examples: Path, encoder: Path, features: Path) -> None:
    """Writes a features artifact: `<split>-NNNNN-of-NNNNN.tfrecord` files and vocab.txt.

    The manifest tells task, example_kind, labels (the classes of the model's outputs), inputs (an
    InputSpec), vocab_sha256, tokenizer (a TokenizerSpec), and for each split counts of records (of
    a question there are several), truncated, lengths (number of records by length in tokens,
    rounded up to a multiple of 8), tokens, unknown (how many of these are [UNK]) and shards (file
    names in order). Records of test have no labels. Equal inputs and settings give equal bytes,
    whatever runs them. Where settings.shard is given, the artifact is a features_shard that holds
    one file a split, and tells shard and num_shards too. Raises ConfigError, CheckpointError,
    DataError, or StageError if the runner fails.
    """
    # Settings are checked before anything runs.
    from bertline.features.beam import EncodeJob, encode_shards

    about = _about(settings, examples, encoder)
    kind = "features"
    if settings.shard is not None:
        kind = "features_shard"
        about |= {"shard": settings.shard, "num_shards": settings.num_shards}
    with new_artifact(features, kind, about) as folder:
        job = EncodeJob(
            example_kind=about["example_kind"],
            labels=about["labels"],
            vocab_file=Path(shutil.copy(encoder / "vocab.txt", folder)),
            tokenizer=TokenizerSpec.parse(about["tokenizer"], where="tokenize"),
            inputs=InputSpec.parse(about["inputs"], where="tokenize"),
        )
        counts = read_manifest(examples, "examples").about["counts"]
        splits = _plan(settings, counts, examples, folder)
        shards = [shard for of_split in splits.values() for shard in of_split]
        encoded = encode_shards(job, shards, settings.beam_runner, settings.beam_options)
        summaries = dict(zip(shards, encoded, strict=True))
        about |= describe(
            {
                split: [(shard.target.name, summaries[shard]) for shard in of_split]
                for split, of_split in splits.items()
            }
        )
    if settings.shard is None:
        note(summary_lines(about))


def _about(settings: Settings, examples: Path, encoder: Path) -> dict[str, Any]:
    """What the manifest tells of all splits alike, once the inputs are checked."""
    source = read_manifest(examples, "examples").about
    read_manifest(encoder, "encoder")
    encoder_file = encoder / ENCODER_FILE
    encoder_config = EncoderConfig.shared(read_json(encoder_file), where=str(encoder_file))
    if settings.max_seq_length > encoder_config.max_position_embeddings:
        raise ConfigError(
            f"max_seq_length {settings.max_seq_length} is more than the "
            f"{encoder_config.max_position_embeddings} positions of the encoder; lower it"
        )
    read_vocab(encoder / "vocab.txt")
    if source["example_kind"] not in KINDS:
        raise ConfigError(
            f"{examples}: {source['example_kind']} examples have no labels; give a labelled task's"
        )
    if settings.truncation != "head" and source["example_kind"] != "labelled_text":
        raise ConfigError(
            f"truncation {settings.truncation!r}: {source['task']} is read from the head; leave it "
            "out"
        )
    first = next(read_split(examples / "train.jsonl", source["example_kind"]), None)
    if first and isinstance(KINDS[source["example_kind"]].item(first), tuple):
        encoder_config.check_pairs(f"{examples}: the first example")
    return {
        "task": source["task"],
        "example_kind": source["example_kind"],
        "labels": KINDS[source["example_kind"]].labels(source["labels"]),
        "inputs": settings.model_dump(include=set(InputSpec.model_fields)),
        "vocab_sha256": file_sha256(encoder / "vocab.txt"),
        "tokenizer": encoder_config.tokenizer.model_dump(),
    }


def _plan(
    settings: Settings, counts: Mapping[str, int], examples: Path, folder: Path
) -> dict[str, list[Shard]]:
    """For each split the shards to write."""
    total = settings.num_shards
    splits: dict[str, list[Shard]] = {}
    for split, count in counts.items():
        targets = [folder / f"{split}-{n:05d}-of-{total:05d}.tfrecord" for n in range(total)]
        shards = plan_shards(examples / f"{split}.jsonl", count, targets)
        splits[split] = shards if settings.shard is None else [shards[settings.shard]]
    return splits
