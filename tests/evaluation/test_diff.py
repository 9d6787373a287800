from bertline.evaluation.diff import describe, differences
from bertline.examples import Slot
from bertline.features.tagged_answers import TaggedAnswer


def answer(intent: str, *slots: Slot, probability: float = 0.9) -> TaggedAnswer:
    return TaggedAnswer(intent, probability, slots, [])


def test_lists_other_intents_and_other_slots_only() -> None:
    texts = ["play jazz", "rate it", "play rock"]
    first = [answer("play", Slot("genre", 5, 9)), answer("rate"), answer("play")]
    second = [
        answer("play", Slot("genre", 5, 9), probability=0.5),
        answer("play"),
        answer("play", Slot("x", 0, 4)),
    ]
    found = list(differences(texts, first, second))
    assert [(difference.index, difference.item) for difference in found] == [
        (1, "rate it"),
        (2, "play rock"),
    ]
    assert found[0].first == first[1]
    assert found[0].second == second[1]


def test_describe_is_one_line() -> None:
    text = "play jazz by miles davis"
    told = describe(answer("PlayMusic", Slot("genre", 5, 9), Slot("artist", 13, 24)), text)
    assert told == "intent: PlayMusic (0.900); genre: jazz; artist: miles davis"
    assert describe(answer("RateBook"), text) == "intent: RateBook (0.900)"
