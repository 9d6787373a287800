from pathlib import Path

import pytest

from bertline.drift.profile import Profile, is_visible, length_bin, unknown_share
from bertline.errors import ConfigError
from bertline.examples import LabelledText, Slot, TaggedText
from bertline.features.spec import TokenizerSpec
from bertline.features.tokenizer import Tokenizer
from tests.drift.toy_profiles import text, write_examples
from tests.toy_model import VOCABULARY

TOKENIZER = Tokenizer({token: id for id, token in enumerate(VOCABULARY)}, TokenizerSpec())
SPLITS = {
    # Of 4 distinct texts one comes three times, once in another case.
    "train": [text("play jazz"), text("Play Jazz"), text("rate miles", "bad"), text("\u200b")],
    "dev": [text("play jazz "), text("rate it", "bad")],
    "test": [text("RATE IT", "bad"), text("play some")],
}


def test_measures_by_hand(tmp_path: Path) -> None:
    profile = Profile.of(write_examples(tmp_path / "e", SPLITS), TOKENIZER)
    learnt, test = profile.learnt, profile.test
    assert (learnt.count, test.count) == (6, 2)
    assert learnt.labels == {"classes": {"bad": 2, "good": 4}}
    assert learnt.lengths == {"1": 1, "6": 1, "8": 4}
    assert learnt.empty == pytest.approx(1 / 6)
    assert learnt.duplicates == pytest.approx(2 / 6)
    assert (test.empty, test.duplicates) == (0, 0)
    # Five texts of two words, of which "it" is not in the vocabulary, and one without any.
    assert learnt.unknown == pytest.approx(1 / 10)
    assert test.unknown == pytest.approx(1 / 4)
    assert profile.leaked == 0.5


def test_slots_count_once_an_example(tmp_path: Path) -> None:
    slots = (Slot("artist", 0, 5), Slot("artist", 6, 11))
    some = [TaggedText("1", "miles davis", "PlayMusic", slots), TaggedText("2", "rate", "Rate", ())]
    folder = write_examples(tmp_path / "e", {"train": some, "test": some[:1]}, "tagged_text")
    profile = Profile.of(folder, None)
    assert profile.learnt.labels == {
        "intents": {"PlayMusic": 1, "Rate": 1},
        "slots": {"artist": 1},
    }
    assert profile.learnt.unknown is None


def test_content_changes_with_any_split_and_with_nothing_else(tmp_path: Path) -> None:
    def content(name: str, more: list[LabelledText]) -> str:
        splits = {**SPLITS, "test": [*SPLITS["test"], *more]}
        return Profile.of(write_examples(tmp_path / name, splits), None).content

    assert content("one", []) == content("two", [])
    assert content("three", [text("more")]) != content("one", [])


def test_no_text_is_in_it(tmp_path: Path) -> None:
    Profile.of(write_examples(tmp_path / "e", SPLITS), TOKENIZER).write(tmp_path)
    written = (tmp_path / "profile.json").read_text()
    assert not any(word in written for word in ("play", "jazz", "rate", "miles", "id of"))
    assert Profile.read(tmp_path / "profile.json").learnt.count == 6


def test_a_damaged_profile_is_told(tmp_path: Path) -> None:
    (tmp_path / "profile.json").write_text('{"content": "a"}')
    with pytest.raises(ConfigError, match=r"profile\.json: key 'learnt' is missing"):
        Profile.read(tmp_path / "profile.json")


def test_bins_are_half_octaves() -> None:
    bounds = [0, 1, 2, 3, 4, 6, 8, 12, 16, 23, 32]
    assert [length_bin(bound) for bound in bounds] == bounds
    assert [length_bin(length) for length in (5, 7, 22, 31, 64, 90, 91)] == [
        4,
        6,
        16,
        23,
        64,
        64,
        91,
    ]


@pytest.mark.parametrize("nothing", ["", " \t\n", "\x00\x1f", "\u200b\u00a0", "\ufffd\ufffd"])
def test_what_shows_nothing(nothing: str) -> None:
    assert not is_visible(nothing)
    assert is_visible(f"{nothing}!")


def test_unknown_share_of_many_texts() -> None:
    texts = ["play it"] * 1500 + ["play"] * 1000
    assert unknown_share(texts, TOKENIZER) == 1500 / 4000
    assert unknown_share([], TOKENIZER) == 0
