import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertline.features.characters import Characters, regex_class
from bertline.features.spec import TokenizerSpec


@pytest.fixture(scope="module")
def lower() -> Characters:
    return Characters.of(TokenizerSpec())


@pytest.fixture(scope="module")
def cased() -> Characters:
    return Characters.of(TokenizerSpec(do_lower_case=False))


def test_lower_casing_takes_accents_away(lower: Characters) -> None:
    assert lower.replaced["É"] == "e"
    assert lower.replaced["\n"] == lower.replaced["\u3000"] == " "
    assert lower.replaced["Σ"] == "σ"
    assert not {"ß", "ς", "e", " "} & lower.replaced.keys()
    assert {"\0", "\x01", "\ufffd", "\u200d", "\u0301", "\ue000"} <= set(lower.deleted)


def test_cased_letters_stay(cased: Characters) -> None:
    assert set(cased.replaced.values()) == {" "}
    assert "\u0301" not in cased.deleted


def test_chinese_and_punctuation_stand_alone(lower: Characters) -> None:
    assert {"中", "\u3400", "\U00020000"} <= set(lower.isolated)
    assert not {"か", "한", "a"} & set(lower.isolated)
    assert {"!", "$", "^", "`", "~", "「", "–"} <= set(lower.punctuation)
    assert not {"€", "©", "a", "1"} & set(lower.punctuation)


@given(st.sets(st.characters(exclude_categories=["Cs"]), min_size=1), st.characters())
def test_a_class_holds_its_characters_alone(characters: set[str], other: str) -> None:
    escapes = re.sub(
        r"\\x\{([0-9A-F]+)\}",
        lambda match: rf"\U{int(match[1], 16):08x}",
        regex_class(characters),
    )
    pattern = re.compile(f"[{escapes}]")
    assert all(pattern.fullmatch(each) for each in characters)
    assert bool(pattern.fullmatch(other)) == (other in characters)
