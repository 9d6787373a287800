from hypothesis import given
from hypothesis import strategies as st

from bertline.datasets.words import Words, split_words

TEXT = " a\u00a0b\t cd\r\n\u202fe"
WORDS = Words.of(TEXT)
TEXTS = st.text(st.sampled_from("ab,\u00a0\u202f \t\n\r\u0301\u2028"), max_size=30)


def test_words_are_divided_by_five_characters_only() -> None:
    assert split_words(TEXT) == ["a\u00a0b", "cd", "e"]
    assert (WORDS.starts, WORDS.ends) == ([1, 6, 11], [4, 8, 12])
    assert split_words(" \n") == []
    assert Words.of("\t").starts == []


def test_white_space_belongs_to_the_word_before_it() -> None:
    numbers = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2]
    assert [WORDS.at(character) for character in range(len(TEXT))] == numbers


def test_a_range_is_widened_to_words_and_spelled_with_single_spaces() -> None:
    assert WORDS.range_of(3, 7) == (1, 8)
    assert WORDS.spelled(3, 7) == "b c"
    assert WORDS.spelled(0, len(TEXT)) == "a\u00a0b cd e"


def test_the_nearest_of_several_places_is_found_with_any_white_space() -> None:
    words = Words.of("a b, a \n b. a.b a\tb")
    assert words.find("a b", 0, 19, near=4) == (5, 10)
    assert words.find(" a  b\n", 0, 19, near=19) == (16, 19)
    assert words.find("a b", 0, 9, near=5) == (0, 3)
    assert words.find("a.", 0, 19, near=0) == (12, 14)
    assert words.find("b b", 0, 19, near=0) is None


@given(TEXTS)
def test_words_and_white_space_make_up_the_text(text: str) -> None:
    words = Words.of(text)
    spans = list(zip(words.starts, words.ends, strict=True))
    assert split_words(text) == [text[start:end] for start, end in spans]
    gaps = [*words.starts, len(text)], [0, *words.ends]
    assert all(not split_words(text[end:start]) for start, end in zip(*gaps, strict=True))
    for number, (start, end) in enumerate(spans):
        assert {words.at(character) for character in range(start, end)} == {number}


@given(TEXTS, st.data())
def test_what_is_spelled_is_found(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    words = Words.of(text)
    spelled = words.spelled(start, end)
    # str.split divides at a no-break space too.
    if spelled and "\u00a0" not in spelled and "\u2028" not in spelled:
        found = words.find(spelled, start, end, near=start)
        assert found is not None
        assert words.spelled(*found) == spelled
