import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertline.datasets import snips
from bertline.errors import DataError
from bertline.examples import Slot, TaggedText

PLAY = [
    {"text": "play "},
    {"text": "Blue Harbor", "entity": "track"},
    {"text": " by "},
    {"text": "Ana Ruiz ", "entity": "artist"},
    {"text": "please"},
]


def layout(folder: Path, files: dict[str, Any]) -> Path:
    """`folder` with the files given (name → JSON value, text or bytes), an intent a folder."""
    for name, content in files.items():
        file = folder / "engines" / name.split("_")[1].removesuffix(".json") / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, str | bytes):
            content = json.dumps(content)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def of(intent: str, *utterances: list[dict[str, Any]]) -> dict[str, Any]:
    return {intent: [{"data": chunks} for chunks in utterances]}


def small_layout(folder: Path, **changed: Any) -> Path:
    files = {
        "train_Play_full.json": of("Play", PLAY, [{"text": "play"}]),
        "train_Play.json": of("Play", PLAY),
        "validate_Play.json": of("Play", [{"text": "sing"}]),
    }
    names = {name.removesuffix(".json"): name for name in files}
    files.update({names[name]: content for name, content in changed.items()})
    return layout(folder, files)


def test_text_is_the_joined_chunks_and_slots_are_trimmed(tmp_path: Path) -> None:
    dataset = snips.read(small_layout(tmp_path))
    assert dataset.train[0] == TaggedText(
        id="train_Play_full-0",
        text="play Blue Harbor by Ana Ruiz please",
        intent="Play",
        slots=(Slot("track", 5, 16), Slot("artist", 20, 28)),
    )
    assert [example.id for example in dataset.train] == ["train_Play_full-0", "train_Play_full-1"]
    assert [example.content for example in dataset.test] == ["sing"]
    assert dataset.report == {
        "cp1252_files": 0,
        "cp1252_lines": 0,
        "trimmed_slots": 1,
        "empty_slots": 0,
        "mid_word_slots": 0,
        "unread": 0,
        "unread_names": [],
    }


def test_small_files_are_an_option_and_never_mixed_with_the_full_ones(tmp_path: Path) -> None:
    dataset = snips.read_small(small_layout(tmp_path))
    assert [example.id for example in dataset.train] == ["train_Play-0"]


def test_lines_that_are_not_utf8_are_cp1252_and_their_neighbours_are_not(tmp_path: Path) -> None:
    text = json.dumps(of("Play", [{"text": "CAFÉ"}], [{"text": "NIÑO"}]), indent=1)
    raw = text.encode().decode("unicode_escape").encode("utf-8")
    dataset = snips.read(small_layout(tmp_path, train_Play_full=raw.replace(b"\xc3\x89", b"\xc9")))
    assert [example.content for example in dataset.train] == ["CAFÉ", "NIÑO"]
    assert dataset.report["cp1252_files"] == 1
    assert dataset.report["cp1252_lines"] == 1


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    raw = b"\xef\xbb\xbf" + json.dumps(of("Play", PLAY)).encode()
    assert len(snips.read(small_layout(tmp_path, train_Play_full=raw)).train) == 1


def test_oddities_are_counted(tmp_path: Path) -> None:
    chunks = [
        {"text": "at "},
        {"text": " ", "entity": "city"},
        {"text": "one pm", "entity": "time"},
        {"text": "near"},
        {"text": "\u00a0Rome", "entity": "city"},
        {"text": "", "entity": "city"},
    ]
    dataset = snips.read(small_layout(tmp_path, train_Play_full=of("Play", chunks)))
    slots = (Slot("time", 4, 10), Slot("city", 15, 19))
    assert dataset.train == [
        TaggedText("train_Play_full-0", "at  one pmnear\u00a0Rome", "Play", slots)
    ]
    assert dataset.report["trimmed_slots"] == 1
    assert dataset.report["empty_slots"] == 2
    assert dataset.report["mid_word_slots"] == 1


@given(
    st.lists(
        st.fixed_dictionaries(
            {"text": st.text(alphabet="ab \t\u00a0é", max_size=6)},
            optional={"entity": st.sampled_from(["artist", "track"])},
        )
    )
)
def test_every_slot_spells_its_chunk(chunks: list[dict[str, str]]) -> None:
    text, slots = snips.spell(chunks)
    values = [chunk for chunk in chunks if "entity" in chunk]
    assert text == "".join(chunk["text"] for chunk in chunks)
    assert [text[slot.start : slot.end] for slot in slots] == [c["text"].strip() for c in values]
    assert [slot.label for slot in slots] == [chunk["entity"] for chunk in values]


@pytest.mark.parametrize("name", ["play-music", "Play Music", "play.music", "Müsik", "a_full.b"])
def test_intents_of_any_file_name_are_read(tmp_path: Path, name: str) -> None:
    layout(
        tmp_path,
        {
            f"train_{name}_full.json": of(name, PLAY, [{"text": "play"}]),
            f"train_{name}.json": of(name, PLAY),
            f"validate_{name}.json": of(name, [{"text": "sing"}]),
            "notes_x.json": "{}",
        },
    )
    dataset = snips.read(tmp_path)
    assert (len(dataset.train), len(dataset.test)) == (2, 1)
    assert dataset.train[0].labels()["intents"] == {name}
    assert len(snips.read_small(tmp_path).train) == 1
    assert dataset.report["unread_names"] == ["engines/x/"]


def test_two_intents_of_one_file_have_ids_of_their_own(tmp_path: Path) -> None:
    content = {**of("Play", PLAY), **of("Stop", [{"text": "stop"}])}
    dataset = snips.read(small_layout(tmp_path, train_Play_full=content))
    assert [example.id for example in dataset.train] == ["train_Play_full-0", "train_Play_full-1"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (of("Play", [{"text": "play", "entity": ""}]), "utterance 0 of Play: an entity without a"),
        (of(" ", PLAY), "an intent without a name; give it one"),
        ('{"Play": [], "Play": []}', "the key 'Play' is there twice in one JSON object"),
        ("[" * 100_000, "JSON that is nested too deeply; correct the file"),
        ('{"Play": ' + "1" * 5_000 + "}", "JSON with an integer of too many digits"),
    ],
)
def test_names_that_are_empty_or_there_twice_and_hostile_json_are_told(
    tmp_path: Path, content: Any, message: str
) -> None:
    with pytest.raises(DataError, match=rf"train_Play_full\.json: {message}"):
        snips.read(small_layout(tmp_path, train_Play_full=content))


def test_an_entity_of_null_is_none(tmp_path: Path) -> None:
    chunks: list[dict[str, Any]] = [
        {"text": "play ", "entity": None},
        {"text": "jazz", "entity": "genre"},
    ]
    [utterance] = snips.read(small_layout(tmp_path, train_Play_full=of("Play", chunks))).train
    assert isinstance(utterance, TaggedText)
    assert utterance.slots == (Slot("genre", 5, 9),)


def test_malformed_json_is_told_with_file_line_and_column(tmp_path: Path) -> None:
    folder = small_layout(tmp_path, train_Play_full='{"Play": [\n  {"data": ]}')
    with pytest.raises(DataError, match=r"train_Play_full\.json: malformed JSON at line 2, col"):
        snips.read(folder)


@pytest.mark.parametrize(
    "utterance",
    [
        {"data": []},
        {"data": [{"text": " "}, {"text": "\n", "entity": "artist"}]},
        {"data": [{"entity": "artist"}]},
        {"data": [{"text": None}]},
        {"data": [{"text": 5}]},
        {"data": [{"text": "play", "entity": "\ud800"}]},
        {"data": [{"text": "play", "entity": 3}]},
        {"data": ["play"]},
        {"data": "play"},
        {"data": [{"text": "\ud800"}]},
        {"text": "play"},
        ["play"],
        None,
    ],
)
def test_an_utterance_without_text_is_told_with_file_and_index(
    tmp_path: Path, utterance: Any
) -> None:
    content = {"Play": [{"data": PLAY}, utterance]}
    folder = small_layout(tmp_path, train_Play_full=content)
    with pytest.raises(DataError, match=r"train_Play_full\.json: utterance 1 of Play: no text"):
        snips.read(folder)


@pytest.mark.parametrize("content", [[], {"Play": {"data": []}}, "play"])
def test_another_structure_is_told(tmp_path: Path, content: Any) -> None:
    folder = small_layout(tmp_path, train_Play_full=json.dumps(content))
    with pytest.raises(DataError, match="not in the form of SNIPS"):
        snips.read(folder)


def test_a_folder_without_the_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file train_<Intent>_full.json below it"):
        snips.read(tmp_path)
    layout(tmp_path, {"train_Play_full.json": of("Play", PLAY)})
    with pytest.raises(DataError, match="no file validate_<Intent>.json below it"):
        snips.read(tmp_path)
    with pytest.raises(DataError, match="no file train_<Intent>.json below it"):
        snips.read_small(tmp_path)


def test_two_files_of_one_intent_are_told(tmp_path: Path) -> None:
    small_layout(tmp_path)
    small_layout(tmp_path / "copy")
    with pytest.raises(DataError, match="Play is also in"):
        snips.read(tmp_path)


@pytest.mark.real
def test_real_files(shared: Path) -> None:
    dataset = snips.read(shared / "data" / "snips")
    assert (len(dataset.train), len(dataset.test)) == (13_784, 700)
    assert dataset.report["cp1252_files"] == 1
    assert dataset.report["trimmed_slots"] == 6
    small = snips.read_small(shared / "data" / "snips")
    assert len(small.train) == 7 * 300
