from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertline.artifacts import new_artifact
from bertline.errors import DataError
from bertline.features.batches import Record
from bertline.features.records import read_features, read_shard, write_shard


def record(id: str, **columns: list[int]) -> Record:
    return Record(id, {name: np.array(values, np.int32) for name, values in columns.items()})


RECORDS = [
    record("r0", input_ids=[2, 30521, 3], tag_ids=[-1, 4, -1], intent_id=[1]),
    record("né🎷", input_ids=[2, 3], tag_ids=[-1, -1], intent_id=[0]),
]


def plain(records: list[Record]) -> list[tuple[str, dict[str, list[int]]]]:
    return [(r.id, {name: r[name].tolist() for name in sorted(r.columns)}) for r in records]


def test_records_come_back(tmp_path: Path) -> None:
    file = tmp_path / "a.tfrecord"
    assert write_shard(file, RECORDS) == 2
    read = list(read_shard(file))
    assert plain(read) == plain(RECORDS)
    assert read[0]["tag_ids"].dtype == np.int32
    assert [path.name for path in tmp_path.iterdir()] == ["a.tfrecord"]


@given(st.lists(st.integers(-(2**31), 2**31 - 1)), st.text(st.characters(codec="utf-8")))
def test_any_values_come_back(
    tmp_path_factory: pytest.TempPathFactory, values: list[int], id: str
) -> None:
    file = tmp_path_factory.mktemp("records") / "a.tfrecord"
    write_shard(file, [record(id, x=values)])
    assert plain(list(read_shard(file))) == [(id, {"x": values})]


def test_equal_records_give_equal_bytes(tmp_path: Path) -> None:
    turned = [Record(r.id, dict(reversed(r.columns.items()))) for r in RECORDS]
    write_shard(tmp_path / "a", RECORDS)
    write_shard(tmp_path / "b", turned)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_frame_is_that_of_tfrecord(tmp_path: Path) -> None:
    write_shard(tmp_path / "a", [record("")])
    # id: "" as an Example in protobuf's wire format, worked out by hand.
    example = bytes.fromhex("0a0c 0a0a 0a02 6964 1204 0a02 0a00".replace(" ", ""))
    content = (tmp_path / "a").read_bytes()
    assert content[:8] == len(example).to_bytes(8, "little")
    assert content[12:-4] == example


def test_tensorflow_reads_the_files(tmp_path: Path) -> None:
    import tensorflow as tf

    file = tmp_path / "a.tfrecord"
    write_shard(file, RECORDS)
    columns = {name: tf.io.RaggedFeature(tf.int64) for name in ("input_ids", "tag_ids")}
    columns["id"] = tf.io.FixedLenFeature([], tf.string)
    columns["intent_id"] = tf.io.FixedLenFeature([], tf.int64)
    dataset = tf.data.TFRecordDataset(str(file)).batch(2)
    [batch] = [tf.io.parse_example(examples, columns) for examples in dataset]
    assert batch["input_ids"].to_list() == [[2, 30521, 3], [2, 3]]
    assert batch["tag_ids"].to_list() == [[-1, 4, -1], [-1, -1]]
    assert batch["intent_id"].numpy().tolist() == [1, 0]
    assert [id.decode() for id in batch["id"].numpy().tolist()] == ["r0", "né🎷"]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> object:
        yield RECORDS[0]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_shard(tmp_path / "a.tfrecord", failing())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-1], "ends in the middle of a record"),
        (lambda data: data[:7], "ends in the middle of a record"),
        (lambda data: data[:20], "ends in the middle of a record"),
        (lambda data: b"\x01" + data[1:], "checksum of a record's length"),
        (lambda data: data[:30] + bytes([data[30] ^ 1]) + data[31:], "checksum of a record"),
        (lambda data: data[:-2] + b"\x00\x00", "checksum of a record"),
    ],
)
def test_damage_is_told_in_one_line(
    tmp_path: Path, damage: Callable[[bytes], bytes], message: str
) -> None:
    file = tmp_path / "a.tfrecord"
    write_shard(file, RECORDS)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match=message) as caught:
        list(read_shard(file))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"\xff\xff", b""])
def test_what_is_no_example_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    file = tmp_path / "a.tfrecord"
    monkeypatch.setattr("bertline.features.records._to_example", lambda record: data)
    write_shard(file, RECORDS[:1])
    with pytest.raises(DataError, match="record 1 is no example; run tokenize again"):
        list(read_shard(file))


def features_artifact(folder: Path, count: int = 2) -> Path:
    about = {
        "shards": {"train": ["t-0.tfrecord", "t-1.tfrecord"], "dev": []},
        "counts": {"train": count, "dev": 0},
    }
    with new_artifact(folder, "features", about) as inside:
        write_shard(inside / "t-0.tfrecord", RECORDS[:1])
        write_shard(inside / "t-1.tfrecord", RECORDS[1:])
    return folder


def test_read_features_joins_the_shards(tmp_path: Path) -> None:
    features = read_features(features_artifact(tmp_path / "features"), "train")
    assert features.ids == ["r0", "né🎷"]
    assert features.columns["input_ids"].values.tolist() == [2, 30521, 3, 2, 3]
    assert features.columns["intent_id"].values.tolist() == [1, 0]
    assert features.lengths.tolist() == [3, 2]


def test_an_empty_split_is_empty(tmp_path: Path) -> None:
    assert len(read_features(features_artifact(tmp_path / "features"), "dev")) == 0


def test_a_wrong_count_a_missing_shard_and_an_unknown_split_are_told(tmp_path: Path) -> None:
    folder = features_artifact(tmp_path / "features", count=3)
    with pytest.raises(DataError, match="'train' has 2 records and not 3 as its manifest says"):
        read_features(folder, "train")
    (folder / "t-1.tfrecord").unlink()
    with pytest.raises(DataError, match=r"t-1\.tfrecord: no such shard; run tokenize again"):
        read_features(folder, "train")
    with pytest.raises(DataError, match="no split 'test'; it has train, dev"):
        read_features(folder, "test")
