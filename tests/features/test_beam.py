import dataclasses
from pathlib import Path

import pytest

from bertline.errors import ConfigError, DataError, StageError
from bertline.examples import TaggedText, write_split
from bertline.features.beam import EncodeJob, check_options, encode_shards
from bertline.features.records import read_shard
from bertline.features.shards import Shard, Summary, plan_shards
from bertline.features.spec import InputSpec, TokenizerSpec
from tests.features.toys import LABELS, MILES, write_vocab


def make_job(folder: Path) -> EncodeJob:
    write_vocab(folder / "vocab.txt")
    inputs = InputSpec(max_seq_length=8)
    return EncodeJob("tagged_text", LABELS, folder / "vocab.txt", TokenizerSpec(), inputs)


def make_shards(folder: Path, examples: list[TaggedText], num_shards: int) -> list[Shard]:
    write_split(folder / "train.jsonl", examples)
    targets = [folder / f"train-{n}.tfrecord" for n in range(num_shards)]
    return plan_shards(folder / "train.jsonl", len(examples), targets)


EXAMPLES = [dataclasses.replace(MILES, id=f"t{n}") for n in range(5)]


def test_each_shard_becomes_a_file(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, EXAMPLES, 3)
    summaries = encode_shards(make_job(tmp_path), shards)
    assert summaries == [
        Summary(1, 1, {"8": 1}, 6),
        Summary(2, 2, {"8": 2}, 12),
        Summary(2, 2, {"8": 2}, 12),
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


def test_copies_of_the_files_give_the_same(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, EXAMPLES, 3)
    job = make_job(tmp_path)
    summaries = encode_shards(job, shards)
    expected = {shard.target: shard.target.read_bytes() for shard in shards}
    for target in expected:
        target.unlink()
    (tmp_path / "exchange").mkdir()
    options = [f"--temp_location={tmp_path / 'exchange'}"]
    assert encode_shards(job, shards, options=options) == summaries
    assert {shard.target: shard.target.read_bytes() for shard in shards} == expected
    assert not list((tmp_path / "exchange").iterdir())


def test_bad_data_in_a_copy_is_named_by_its_own_file(tmp_path: Path) -> None:
    bad = dataclasses.replace(EXAMPLES[3], intent="BookTaxi")
    shards = make_shards(tmp_path, [*EXAMPLES[:3], bad], 2)
    with pytest.raises(DataError) as caught:
        encode_shards(make_job(tmp_path), shards, options=[f"--temp_location={tmp_path}/exchange"])
    assert str(caught.value).startswith(f"{tmp_path}/train.jsonl:4: example 't3'")
    assert not list((tmp_path / "exchange").iterdir())


def test_flink_needs_java_or_a_job_server(tmp_path: Path) -> None:
    shards = make_shards(tmp_path, EXAMPLES, 1)
    options = ["--job_server_java_launcher=/no/java"]
    with pytest.raises(ConfigError, match="beam_runner flink: no '/no/java', .*; install Java 17"):
        encode_shards(make_job(tmp_path), shards, "flink", options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--flink_mster=h:8081"], "did you mean '--flink_master'"),
        (["--environment_type=PROCESS"], "process_command is required for environment type PROC"),
        (["--flink_version=1.2"], "argument --flink_version: invalid choice: '1.2'"),
        (["gibberish"], "unknown option 'gibberish'; Beam's --help lists what it takes"),
    ],
)
def test_wrong_options_of_flink(options: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_options("flink", options)
