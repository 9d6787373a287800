"""The shards that several tokenize tasks wrote in, one features artifact out."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bertline.artifacts import new_artifact, read_manifest
from bertline.config import Config
from bertline.errors import DataError
from bertline.features.shards import Summary, describe
from bertline.features.summary import summary_lines
from bertline.progress import note

_OF_A_SPLIT = ("counts", "truncated", "lengths", "tokens", "unknown")
_OF_A_SHARD = ("shard", "num_shards", *_OF_A_SPLIT, "shards")


class Settings(Config):
    """There is nothing to set."""


def run(settings: Settings, *, shards: Sequence[Path], features: Path) -> None:
    """Writes the features artifact that tokenize, given no shard, writes: the same bytes.

    shards: features_shard artifacts, one for each shard, in any order. Raises DataError if they
    are not all the shards of one tokenization.
    """
    found = {folder: read_manifest(folder, "features_shard").about for folder in shards}
    parts = dict(sorted(found.items(), key=lambda part: int(part[1]["shard"])))
    common = _common(parts)
    first = next(iter(parts.values()))
    splits = {split: [_file(about, split) for about in parts.values()] for split in first["counts"]}
    described = describe(splits)
    with new_artifact(features, "features", {**common, **described}) as folder:
        for part, about in parts.items():
            shutil.copy(part / "vocab.txt", folder)
            for (name,) in about["shards"].values():
                shutil.copy(part / name, folder)
    note(summary_lines(described))


def _common(parts: Mapping[Path, Mapping[str, Any]]) -> dict[str, Any]:
    """What the manifests tell alike; `parts` are in order."""
    numbers = [about["shard"] for about in parts.values()]
    for folder, about in parts.items():
        if numbers != list(range(about["num_shards"])):
            raise DataError(
                f"{folder}: one of {about['num_shards']} shards, but given are {numbers}; give "
                "each of them once"
            )
    first, *others = (
        {key: value for key, value in about.items() if key not in _OF_A_SHARD}
        for about in parts.values()
    )
    for folder, other in zip(list(parts)[1:], others, strict=True):
        if other != first:
            raise DataError(f"{folder}: not made as {next(iter(parts))}; run tokenize for both")
    return first


def _file(about: Mapping[str, Any], split: str) -> tuple[str, Summary]:
    (name,) = about["shards"][split]
    return name, Summary(*(about[key][split] for key in _OF_A_SPLIT))
