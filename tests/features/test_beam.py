import dataclasses
from pathlib import Path

import pytest

from bertline.errors import DataError, StageError
from bertline.examples import TaggedText, write_split
from bertline.features.beam import EncodeJob, encode_shards
from bertline.features.records import read_shard
from bertline.features.shards import Shard, Summary, plan_shards
from bertline.features.spec import InputSpec
from tests.features.toys import LABELS, MILES, write_vocab


def make_job(folder: Path) -> EncodeJob:
    write_vocab(folder / "vocab.txt")
    return EncodeJob("tagged_text", LABELS, folder / "vocab.txt", True, InputSpec(max_seq_length=8))


def make_shards(folder: Path, examples: list[TaggedText], num_shards: int) -> list[Shard]:
    write_split(folder / "train.jsonl", examples)
    targets = [folder / f"train-{n}.tfrecord" for n in range(num_shards)]
    return plan_shards(folder / "train.jsonl", len(examples), targets)


EXAMPLES = [dataclasses.replace(MILES, id=f"t{n}") for n in range(5)]


def test_each_shard_becomes_a_file(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, EXAMPLES, 3)
    summaries = encode_shards(make_job(tmp_path), shards)
    assert summaries == [
        Summary(1, 1, {"8": 1}),
        Summary(2, 2, {"8": 2}),
        Summary(2, 2, {"8": 2}),
    ]
    ids = [[record.id for record in read_shard(shard.target)] for shard in shards]
    assert ids == [["t0"], ["t1", "t2"], ["t3", "t4"]]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"vocab.txt", "train.jsonl", *(shard.target.name for shard in shards)}


def test_bad_data_is_a_data_error(tmp_path: Path) -> None:
    bad = dataclasses.replace(EXAMPLES[3], intent="BookTaxi")
    shards = make_shards(tmp_path, [*EXAMPLES[:3], bad], 2)
    with pytest.raises(DataError, match=r"train\.jsonl:4: example 't3': label 'BookTaxi'"):
        encode_shards(make_job(tmp_path), shards)


def test_a_full_disk_stays_an_os_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device", "/features")

    monkeypatch.setattr("bertline.features.shards.write_shard", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        encode_shards(make_job(tmp_path), make_shards(tmp_path, EXAMPLES, 1))
    assert caught.value.filename == "/features"


def test_a_failure_of_the_pipeline_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device", "/features/outcome")

    monkeypatch.setattr("bertline.features.outcomes.write_json", full)
    with pytest.raises(StageError, match=r"^the Beam pipeline failed: .*No space left") as caught:
        encode_shards(make_job(tmp_path), make_shards(tmp_path, EXAMPLES, 1))
    assert "\n" not in str(caught.value)


def test_an_interruption_ends_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def interrupted(*arguments: object) -> None:
        calls.append(arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr("bertline.features.beam.encode_shard", interrupted)
    with pytest.raises(KeyboardInterrupt):
        encode_shards(make_job(tmp_path), make_shards(tmp_path, EXAMPLES, 3))
    assert len(calls) == 1
