import re
from collections import Counter

import pytest

from samples.reviews import COUNTS, Reviewer, generate
from samples.templates import load

PHRASES = load("phrases")["reviews"]


@pytest.fixture(scope="module")
def reviews() -> dict[str, str]:
    return dict(generate())


def test_counts_and_names(reviews: dict[str, str]) -> None:
    folders = Counter(name.rpartition("/")[0] for name in reviews)
    assert folders == {f"{s}/{c}": COUNTS[s] for s in ("train", "test") for c in ("pos", "neg")}
    ratings = {name: int(name.removesuffix(".txt").split("_")[1]) for name in reviews}
    assert all((rating > 5) == ("/pos/" in name) for name, rating in ratings.items())
    assert len({*reviews.values()}) == len(reviews)


def test_nothing_is_left_to_fill(reviews: dict[str, str]) -> None:
    for text in reviews.values():
        assert not re.search(r"[<>|()]|\b[Aa] [aeiou]", text.replace("<br />", "\n")), text


def test_words_of_opinion_and_sentences_are_held_out() -> None:
    for name in ("good", "bad", "part", "praise", "blame"):
        assert not {*PHRASES["lists"][name]["train"]} & {*PHRASES["lists"][name]["test"]}
    for part in ("openings", "plots", "opinions", "concessions"):
        assert not {*PHRASES[part]["train"]} & {*PHRASES[part]["test"]}


def test_both_classes_use_the_words_of_both_opinions(reviews: dict[str, str]) -> None:
    for name in ("pos", "neg"):
        texts = " ".join(text for file, text in reviews.items() if f"/{name}/" in file)
        words = {*re.findall(r"\w+", texts.lower())}
        assert {"charming", "witty", "clumsy", "tedious", "superb", "flat"} <= words


def test_a_review_has_an_opening_a_plot_and_opinions() -> None:
    reviewer = Reviewer("train", "1")
    lengths = {len(reviewer.review(is_positive=True)) for _ in range(100)}
    assert lengths == {4, 5, 6, 7}
