import itertools
from pathlib import Path

import pytest

from bertline.artifacts import digest
from bertline.errors import DataError
from bertline.stages import tokenize
from bertline.stages.merge_features import Settings, run
from tests.features.toys import write_encoder, write_examples


def tokenized(folder: Path, **settings: int) -> Path:
    """The artifact that tokenize writes of the toy examples with these settings."""
    name = "-".join(map(str, settings.values()))
    if not (folder / "examples").exists():
        write_examples(folder / "examples")
        write_encoder(folder / "encoder")
    tokenize.run(
        tokenize.Settings(**{"max_seq_length": 9, **settings}),
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
    message = r"3-0: one of 3 shards, but given are \[0, 1\]; give each of them once"
    with pytest.raises(DataError, match=message):
        run(Settings(), shards=parts, features=tmp_path / "merged")
    with pytest.raises(DataError, match=r"given are \[0, 1, 1\]"):
        copy = tmp_path / "copy"
        copy.symlink_to(parts[1])
        run(Settings(), shards=[*parts, copy], features=tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_shards_must_be_made_alike(tmp_path: Path) -> None:
    first = tokenized(tmp_path, num_shards=2, shard=0)
    second = tokenized(tmp_path, num_shards=2, shard=1, max_seq_length=8)
    with pytest.raises(DataError, match=r"2-1-8: not made as .*2-0; run tokenize for both"):
        run(Settings(), shards=[second, first], features=tmp_path / "merged")


def test_a_shard_is_not_taken_for_all_features(tmp_path: Path) -> None:
    from bertline.features.records import read_features

    with pytest.raises(DataError, match="holds 'features_shard', expected 'features'"):
        read_features(tokenized(tmp_path, num_shards=2, shard=0), "train")
