import itertools
from pathlib import Path

import pytest

from bertline.artifacts import digest
from bertline.errors import DataError
from bertline.features.records import read_features
from bertline.stages import tokenize
from bertline.stages.merge_features import Settings, run
from tests.features.toys import write_encoder, write_examples


def tokenized(folder: Path, num_shards: int, shard: int | None = None, length: int = 9) -> Path:
    """The artifact that tokenize writes of the toy examples with these settings."""
    name = f"{shard}-of-{num_shards}-{length}"
    if not (folder / "examples").exists():
        write_examples(folder / "examples")
        write_encoder(folder / "encoder")
    tokenize.run(
        tokenize.Settings(max_seq_length=length, num_shards=num_shards, shard=shard),
        examples=folder / "examples",
        encoder=folder / "encoder",
        features=folder / name,
    )
    return folder / name


def test_shards_in_any_order_give_the_bytes_of_one_task(tmp_path: Path) -> None:
    whole = tokenized(tmp_path, num_shards=3)
    parts = [tokenized(tmp_path, num_shards=3, shard=shard) for shard in range(3)]
    for order in itertools.permutations(parts):
        run(Settings(), shards=order, features=tmp_path / "merged")
        assert digest(tmp_path / "merged") == digest(whole)


def test_shards_must_be_there_once(tmp_path: Path) -> None:
    parts = [tokenized(tmp_path, num_shards=3, shard=shard) for shard in range(2)]
    message = r"0-of-3-9: one of 3 shards, but given are \[0, 1\]; give each of them once"
    with pytest.raises(DataError, match=message):
        run(Settings(), shards=parts, features=tmp_path / "merged")
    with pytest.raises(DataError, match=r"given are \[0, 1, 1\]"):
        copy = tmp_path / "copy"
        copy.symlink_to(parts[1])
        run(Settings(), shards=[*parts, copy], features=tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_shards_must_be_made_alike(tmp_path: Path) -> None:
    first = tokenized(tmp_path, num_shards=2, shard=0)
    second = tokenized(tmp_path, num_shards=2, shard=1, length=8)
    with pytest.raises(DataError, match=r"1-of-2-8: not made as .*0-of-2-9; run tokenize for both"):
        run(Settings(), shards=[second, first], features=tmp_path / "merged")


def test_a_shard_is_not_taken_for_all_features(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds 'features_shard', expected 'features'"):
        read_features(tokenized(tmp_path, num_shards=2, shard=0), "train")
