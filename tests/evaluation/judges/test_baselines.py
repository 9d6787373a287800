from bertline.evaluation.judges.baselines import bag_of_words


def test_learns_from_words() -> None:
    texts = ["play jazz", "play rock", "rate it", "rate this"] * 3
    intents = ["Play", "Play", "Rate", "Rate"] * 3
    found = bag_of_words(texts, intents, ["play pop", "rate him", "play"])
    assert found == ["Play", "Rate", "Play"]


def test_one_label_is_always_the_answer() -> None:
    assert bag_of_words(["a b", "c d"], ["x", "x"], ["e f", "g h"]) == ["x", "x"]
