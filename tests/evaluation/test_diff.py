from types import SimpleNamespace

from bertline.evaluation.diff import describe, differences
from bertline.examples import Slot


def answer(intent: str, *slots: Slot) -> SimpleNamespace:
    return SimpleNamespace(intent=intent, slots=slots)


def test_lists_other_intents_and_other_slots_only() -> None:
    texts = ["play jazz", "rate it", "play rock"]
    first = [answer("play", Slot("genre", 5, 9)), answer("rate"), answer("play")]
    second = [answer("play", Slot("genre", 5, 9)), answer("play"), answer("play", Slot("x", 0, 4))]
    found = list(differences(texts, first, second))
    assert [(difference.index, difference.text) for difference in found] == [
        (1, "rate it"),
        (2, "play rock"),
    ]
    assert found[0].first.intent == "rate"
    assert found[0].second.intent == "play"


def test_describe_is_one_line() -> None:
    text = "play jazz by miles davis"
    told = describe(answer("PlayMusic", Slot("genre", 5, 9), Slot("artist", 13, 24)), text)
    assert told == 'PlayMusic: genre = "jazz", artist = "miles davis"'
    assert describe(answer("RateBook"), text) == "RateBook: no slots"
