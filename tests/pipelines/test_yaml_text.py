"""YAML as YAML 1.2 has it, and limits of what is read."""

import math
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.yaml_text import parse_yaml, write_yaml

TRAPS = [
    *("1e-4", "09", "010", "0o17", "0x1F", "0b11", "1_000", "1:30", "190:20:30", "+1", "-0"),
    *("yes", "No", "on", "Off", "y", "~", "null", "", " ", "true", ".inf", "-.INF", ".nan", "."),
    *(
        "2020-01-01",
        "2020-01-01T10:00:00Z",
        "<<",
        "=",
        "?",
        "- a",
        "a: b",
        "{a}",
        "[1",
        "#c",
        "a #",
    ),
    *("&x", "*x", "!x", "%x", "@x", "`x", "|", ">", "'", '"', "é", "\t", "a\nb"),
]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-7", -7),
        ("0", 0),
        ("0x1F", 31),
        ("1e-4", 0.0001),
        ("5.", 5.0),
        ("-.5e3", -500.0),
        (".inf", math.inf),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        # Other values in YAML 1.1: 5400, false, true, a date, 1000, 3.
        ("1:30", "1:30"),
        ("no", "no"),
        ("On", "On"),
        ("2020-01-01", "2020-01-01"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("'010'", "010"),
        ("{a: [1, x], b: {c: null}}", {"a": [1, "x"], "b": {"c": None}}),
        ("{a: &x {b: 1}, c: *x, d: {<<: *x, e: 2}}", None),
    ],
)
def test_plain_words_are_what_they_are_in_yaml_1_2(text: str, value: Any) -> None:
    found = parse_yaml(text)
    if "&x" in text:
        value = {"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_is_one() -> None:
    assert math.isnan(parse_yaml(".nan"))


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: the key 'a' is there twice"),
        ("x: {a: 1, a: 1}", "line 1: the key 'a' is there twice"),
        ("a: 010", r"line 1: 010: leave out the leading zeros \(10\), or quote it"),
        ("-007", r"leave out the leading zeros \(7\)"),
        ("9" * 5000, "a number of 5,000 characters"),
        (BOMB, "more than 10,000 values, aliases counted"),
        ("&a [*a]", "an alias of what it is a part of"),
        ("[" * 60 + "]" * 60, "nested more than 50 levels deep"),
        ("[" * 100_000, "nested more than 50 levels deep"),
        ("{a: " * 100_000, "nested more than 50 levels deep"),
        ("!!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: [1", "line 1: expected ',' or ']'"),
        ("a\x00b", "special characters are not allowed"),
        ("*nothing", "found undefined alias"),
    ],
)
def test_what_is_refused_is_told_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        parse_yaml(text)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 200


# Line separators excluded: PyYAML writes them as they are and reads them as spaces.
LETTERS = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])
texts = st.sampled_from(TRAPS) | st.text(LETTERS, max_size=9)
values = st.recursive(
    texts | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(values)
@example(TRAPS)
@example({trap: trap for trap in TRAPS})
def test_what_is_written_is_read_again_by_both_kinds_of_yaml(value: Any) -> None:
    text = write_yaml(value)
    assert parse_yaml(text) == value
    assert yaml.safe_load(text) == value
