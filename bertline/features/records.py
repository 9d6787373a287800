"""Feature files: TFRecord shards of tf.train.Example messages, without TensorFlow.

The framing of TFRecord is, for each record: its length (8 bytes, little endian), a masked CRC-32C
of these bytes, the record, a masked CRC-32C of the record. The schema is that of TensorFlow's
example.proto, so that `tf.data.TFRecordDataset` and `tf.io.parse_example` read the files.
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import google_crc32c
import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from bertline.artifacts import read_manifest
from bertline.errors import DataError
from bertline.features.batches import FeatureSet, Record
from bertline.files import new_file

_ID = "id"
_REMEDY = "run tokenize again"


def _example_class() -> Any:
    """The message class of tf.train.Example (float lists left out: no column is float)."""
    field = descriptor_pb2.FieldDescriptorProto
    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    file = descriptor_pb2.FileDescriptorProto(name="example", package="bertline", syntax="proto3")

    def add_message(messages: Any, name: str, *fields: tuple[str, int, int, int | str]) -> Any:
        message = messages.add(name=name)
        for field_name, number, label, type in fields:
            added = message.field.add(name=field_name, number=number, label=label)
            if isinstance(type, str):
                added.type, added.type_name = field.TYPE_MESSAGE, f".bertline.{type}"
            else:
                added.type = type
        return message

    types = file.message_type
    add_message(types, "BytesList", ("value", 1, many, field.TYPE_BYTES))
    add_message(types, "Int64List", ("value", 1, many, field.TYPE_INT64))
    lists = ("bytes_list", 1, one, "BytesList"), ("int64_list", 3, one, "Int64List")
    add_message(types, "Feature", *lists)
    features = add_message(types, "Features", ("feature", 1, many, "Features.FeatureEntry"))
    key, value = ("key", 1, one, field.TYPE_STRING), ("value", 2, one, "Feature")
    add_message(features.nested_type, "FeatureEntry", key, value).options.map_entry = True
    add_message(types, "Example", ("features", 1, one, "Features"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("bertline.Example"))


_Example = _example_class()


def write_shard(path: Path, records: Iterable[Record]) -> int:
    """Writes records to a TFRecord file, whole or not at all; returns their number.

    Equal records give equal bytes.
    """
    count = 0
    with new_file(path) as stream:
        for record in records:
            _write_framed(stream, _to_example(record))
            count += 1
    return count


def read_shard(path: Path) -> Iterator[Record]:
    """The records of a TFRecord file, in order; raises DataError if it is missing or damaged."""
    try:
        with path.open("rb") as stream:
            for number, data in enumerate(_read_framed(stream, path), start=1):
                try:
                    yield _from_example(_Example.FromString(data))
                except (DecodeError, IndexError, UnicodeDecodeError):
                    raise DataError(f"{path}: record {number} is no example; {_REMEDY}") from None
    except FileNotFoundError:
        raise DataError(f"{path}: no such shard; {_REMEDY}") from None


def read_features(folder: Path, split: str) -> FeatureSet:
    """The examples of one split of a features artifact, in order.

    Raises DataError if the split is not there, a shard is missing or damaged, or the number of
    records is not the manifest's.
    """
    about = read_manifest(folder, "features").about
    if split not in about["shards"]:
        raise DataError(f"{folder}: no split {split!r}; it has {', '.join(about['shards'])}")
    features = FeatureSet.of(
        record for name in about["shards"][split] for record in read_shard(folder / name)
    )
    if len(features) != about["counts"][split]:
        raise DataError(
            f"{folder}: split {split!r} has {len(features)} records and not "
            f"{about['counts'][split]} as its manifest says; {_REMEDY}"
        )
    return features


def _to_example(record: Record) -> bytes:
    example = _Example()
    feature = example.features.feature
    feature[_ID].bytes_list.value.append(record.id.encode("utf-8"))
    for name, values in record.columns.items():
        feature[name].int64_list.value.extend(values.tolist())
    data: bytes = example.SerializeToString(deterministic=True)
    return data


def _from_example(example: Any) -> Record:
    feature = example.features.feature
    columns = {
        name: np.array(value.int64_list.value, np.int32)
        for name, value in feature.items()
        if name != _ID
    }
    return Record(feature[_ID].bytes_list.value[0].decode("utf-8"), columns)


def _masked_crc(data: bytes) -> int:
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _write_framed(stream: BinaryIO, data: bytes) -> None:
    length = struct.pack("<Q", len(data))
    stream.write(length + struct.pack("<I", _masked_crc(length)))
    stream.write(data + struct.pack("<I", _masked_crc(data)))


def _read_framed(stream: BinaryIO, path: Path) -> Iterator[bytes]:
    while header := stream.read(12):
        if len(header) < 12:
            raise DataError(f"{path}: ends in the middle of a record; {_REMEDY}")
        length, length_crc = struct.unpack("<QI", header)
        if _masked_crc(header[:8]) != length_crc:
            raise DataError(f"{path}: damaged (checksum of a record's length); {_REMEDY}")
        data, crc = stream.read(length), stream.read(4)
        if len(data) < length or len(crc) < 4:
            raise DataError(f"{path}: ends in the middle of a record; {_REMEDY}")
        if struct.unpack("<I", crc)[0] != _masked_crc(data):
            raise DataError(f"{path}: damaged (checksum of a record); {_REMEDY}")
        yield data
