from typing import Any

from samples.templates import Templates, lists_of

FILES: list[dict[str, dict[str, Any]]] = [
    {"name": {"both": ["Ana"], "train": ["Bo"], "test": ["Cy"]}, "age": {"both": [7]}}
]


def templates(**lists: list[str]) -> Templates:
    return Templates(lists, seed="1")


def test_a_split_sees_its_own_values_and_those_of_both() -> None:
    assert lists_of(FILES, "train") == {"name": ["Ana", "Bo"], "age": ["7"]}
    assert lists_of(FILES, "test") == {"name": ["Ana", "Cy"], "age": ["7"]}


def test_slots_are_filled_and_their_places_told() -> None:
    values = {"who": "Ana"}
    filler = templates(city=["old <stone>"], stone=["Rome"])
    text, starts = filler.fill("<who> left <home:city>, <who>.", values)
    assert text == "Ana left old Rome, Ana."
    assert starts == {"who": 0, "home": 9}
    assert values == {"who": "Ana", "home": "old Rome"}


def test_choices_leave_no_gaps() -> None:
    filler = templates()
    chosen = {filler.choose("a (b|) c (d|), e (f|).") for _ in range(50)}
    assert chosen == {
        f"a {b}c{d}, e{f}." for b in ("b ", "") for d in (" d", "") for f in (" f", "")
    }


def test_the_same_seed_says_the_same() -> None:
    lists = {"digit": list("0123456789")}
    first, second = Templates(lists, "1"), Templates(lists, "1")
    assert first.fill("<digit>" * 9, {}) == second.fill("<digit>" * 9, {})
    assert first.sample(range(9), 9) == second.sample(range(9), 9)
    assert sorted(first.sample(range(9), 9)) == list(range(9))
    assert len(first.sample(range(9), 4)) == 4
