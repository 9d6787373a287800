import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertline.errors import DataError
from bertline.examples import Example, write_split
from bertline.features import shards
from bertline.features.batches import Record
from bertline.features.kinds import KINDS
from bertline.features.records import read_shard
from bertline.features.shards import (
    Encode,
    Shard,
    Summary,
    describe,
    encode_shard,
    plan_shards,
)
from bertline.features.spec import InputSpec
from tests.features.toys import LABELS, MILES, toy_tokenizer

TOKENIZER = toy_tokenizer()


def encode_to(max_seq_length: int) -> Encode:
    inputs = InputSpec(max_seq_length=max_seq_length)
    return lambda batch: KINDS["tagged_text"].encode_examples(TOKENIZER, batch, LABELS, inputs)


def encoded(shard: Shard, encode: Encode) -> Summary:
    return encode_shard(shard, "tagged_text", encode, TOKENIZER)


def split_of(path: Path, count: int) -> Path:
    write_split(path, [dataclasses.replace(MILES, id=f"né-{n}") for n in range(count)])
    return path


@given(st.integers(0, 12), st.integers(1, 5))
def test_shards_cover_the_file_once(
    tmp_path_factory: pytest.TempPathFactory, count: int, num_shards: int
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    source = split_of(folder / "train.jsonl", count)
    targets = [folder / str(n) for n in range(num_shards)]
    planned = plan_shards(source, count, targets)
    assert [shard.target for shard in planned] == targets
    assert max(shard.count for shard in planned) - min(shard.count for shard in planned) <= 1
    ids = []
    for shard in planned:
        encoded(shard, encode_to(8))
        ids += [record.id for record in read_shard(shard.target)]
    assert ids == [f"né-{n}" for n in range(count)]


def test_a_summary_counts_what_was_cut(tmp_path: Path) -> None:
    short = dataclasses.replace(MILES, text="jazz", slots=())
    write_split(tmp_path / "train.jsonl", [MILES, short, MILES])
    [shard] = plan_shards(tmp_path / "train.jsonl", 3, [tmp_path / "train"])
    # Miles has 10 tokens with [CLS] and [SEP], "jazz" has 3.
    assert encoded(shard, encode_to(10)) == Summary(3, 0, {"16": 2, "8": 1}, 17)
    assert encoded(shard, encode_to(9)) == Summary(3, 2, {"16": 2, "8": 1}, 15)
    assert encoded(shard, encode_to(8)) == Summary(3, 2, {"8": 3}, 13)


def test_unknown_tokens_are_counted_without_those_around_a_text(tmp_path: Path) -> None:
    write_split(tmp_path / "train.jsonl", [dataclasses.replace(MILES, text="你好 jazz", slots=())])
    [shard] = plan_shards(tmp_path / "train.jsonl", 1, [tmp_path / "train"])
    summary = encoded(shard, encode_to(8))
    assert (summary.tokens, summary.unknown) == (3, 1)


def test_summaries_add_up_with_lengths_in_order() -> None:
    first = Summary(3, 1, {"16": 2, "8": 1}, tokens=30, unknown=4)
    second = Summary(2, 0, {"104": 1, "16": 1}, tokens=110, unknown=5)
    total = Summary.total([first, second])
    assert total == Summary(5, 1, {"8": 1, "16": 3, "104": 1}, tokens=140, unknown=9)
    assert list(total.lengths) == ["8", "16", "104"]


def test_a_manifest_tells_of_the_splits() -> None:
    one, two = Summary(2, 1, {"16": 1, "8": 1}, 15, 3), Summary(1, 0, {"8": 1}, 5)
    assert describe({"train": [("a", one), ("b", two)], "dev": [("c", two)]}) == {
        "counts": {"train": 3, "dev": 1},
        "truncated": {"train": 1, "dev": 0},
        "lengths": {"train": {"8": 2, "16": 1}, "dev": {"8": 1}},
        "tokens": {"train": 20, "dev": 5},
        "unknown": {"train": 3, "dev": 0},
        "shards": {"train": ["a", "b"], "dev": ["c"]},
    }


def test_examples_are_encoded_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def counting(batch: Sequence[Example]) -> list[Record]:
        sizes.append(len(batch))
        return encode_to(8)(batch)

    monkeypatch.setattr(shards, "BATCH_SIZE", 4)
    [shard] = plan_shards(split_of(tmp_path / "a.jsonl", 9), 9, [tmp_path / "a"])
    assert encoded(shard, counting).count == 9
    assert sizes == [4, 4, 1]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "not a tagged_text example"),
        (b"[]", "not a tagged_text example"),
        (b"\xff", "not a tagged_text example"),
        (b'{"id": "x", "text": null, "intent": "i", "slots": []}', "text is None and not a str"),
        (b'{"id": "x", "text": "a", "intent": "Taxi", "slots": []}', "label 'Taxi' is not one of"),
        (b'{"id": "x", "text": "\\ud83d", "intent": "Taxi", "slots": []}', "not valid Unicode"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_left(tmp_path: Path, line: bytes, message: str) -> None:
    source = split_of(tmp_path / "dev.jsonl", 6)
    lines = source.read_bytes().splitlines()
    lines[4] = line
    source.write_bytes(b"\n".join(lines))
    first, second = plan_shards(source, 6, [tmp_path / "a", tmp_path / "b"])
    encoded(first, encode_to(8))
    with pytest.raises(DataError, match=rf"dev\.jsonl:5: .*{message}"):
        encoded(second, encode_to(8))
    assert not second.target.exists()


def test_a_file_that_is_not_as_the_manifest_says_is_told(tmp_path: Path) -> None:
    source = split_of(tmp_path / "dev.jsonl", 6)
    with pytest.raises(DataError, match="6 lines and not 7 as the manifest says"):
        plan_shards(source, 7, [tmp_path / "a"])
    source.unlink()
    with pytest.raises(DataError, match=r"dev\.jsonl: no such split"):
        plan_shards(source, 6, [tmp_path / "a"])
