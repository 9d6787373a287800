import re
from collections import Counter

import pytest

from samples.pairs import COUNTS, generate
from samples.templates import load

NEWS = load("phrases")["pairs"]["news"]
Pair = tuple[bool, str, str]


@pytest.fixture(scope="module", params=COUNTS)
def pairs(request: pytest.FixtureRequest) -> list[Pair]:
    split: str = request.param
    made = list(generate(split))
    assert len(made) == COUNTS[split]
    return made


def test_about_three_in_five_are_paraphrases(pairs: list[Pair]) -> None:
    assert 0.5 < sum(is_paraphrase for is_paraphrase, _, _ in pairs) / len(pairs) < 0.7


def test_sentences_are_whole_and_occur_once(pairs: list[Pair]) -> None:
    sentences = [sentence for _, *both in pairs for sentence in both]
    assert len({*sentences}) == len(sentences)
    for sentence in sentences:
        assert not re.search(r"[<>|()\t]|  | [.,]", sentence)
        assert sentence[0] == sentence[0].upper()
        assert sentence.endswith(".")


def test_paraphrases_share_their_numbers_and_many_others_too(pairs: list[Pair]) -> None:
    shares: dict[bool, Counter[bool]] = {True: Counter(), False: Counter()}
    for is_paraphrase, *both in pairs:
        first, second = (Counter(re.findall(r"\d[\d,.]*\d", sentence)) for sentence in both)
        shares[is_paraphrase][first == second] += 1
    assert shares[True][False] == 0
    assert shares[False][True] > len(pairs) / 20


def test_wordings_are_held_out() -> None:
    for news in NEWS.values():
        assert len(news["train"]) > 1 and len(news["test"]) > 1
        assert not {*news["train"]} & {*news["test"]}
        for form in [*news["train"], *news["test"]]:
            slots = {*re.findall(r"<(\w+)", form)}
            assert {news["subject"], *news["changes"], *news.get("swaps", [])} <= slots
