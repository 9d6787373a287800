from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertline.errors import DataError
from bertline.examples import Slot, TaggedText, read_split, write_split

EXAMPLE = TaggedText(
    "train-0", "play jazz by Ana", "Play", (Slot("genre", 5, 9), Slot("a", 13, 16))
)

slots = st.builds(Slot, label=st.text(), start=st.integers(0, 9), end=st.integers(0, 9))
texts = st.text(st.characters(exclude_categories=["Cs"]))
examples = st.builds(
    TaggedText, id=texts, text=texts, intent=texts, slots=st.lists(slots, max_size=3).map(tuple)
)


@given(st.lists(examples, max_size=4))
def test_examples_come_back_equal(
    tmp_path_factory: pytest.TempPathFactory, written: list[TaggedText]
) -> None:
    path = tmp_path_factory.mktemp("split") / "train.jsonl"
    assert write_split(path, written) == len(written)
    assert list(read_split(path, "tagged_text")) == written


def test_a_line_is_an_object_in_utf8(tmp_path: Path) -> None:
    write_split(tmp_path / "a.jsonl", [TaggedText("0", "é", "Play", (Slot("x", 0, 1),))])
    assert (tmp_path / "a.jsonl").read_text(encoding="utf-8") == (
        '{"id": "0", "text": "é", "intent": "Play", '
        '"slots": [{"label": "x", "start": 0, "end": 1}]}\n'
    )


def test_labels() -> None:
    assert EXAMPLE.labels() == {"intents": {"Play"}, "slots": {"genre", "a"}}


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "{}", '{"id": "1", "text": "a", "intent": "Play", "slots": [{"begin": 1}]}'],
)
def test_a_bad_line_is_told_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "train.jsonl"
    write_split(path, [EXAMPLE])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(DataError, match=r"train\.jsonl:2: not a tagged_text example"):
        list(read_split(path, "tagged_text"))


def test_a_missing_split_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"dev\.jsonl: no such split; run ingest again"):
        list(read_split(tmp_path / "dev.jsonl", "tagged_text"))
