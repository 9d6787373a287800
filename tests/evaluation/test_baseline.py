from bertline.evaluation.baseline import bag_of_words_accuracy


def test_learns_from_words() -> None:
    texts = ["play jazz", "play rock", "rate it", "rate this"] * 3
    intents = ["Play", "Play", "Rate", "Rate"] * 3
    accuracy = bag_of_words_accuracy(
        texts, intents, ["play pop", "rate him", "play", "rate"], ["Play", "Rate", "Rate", "Rate"]
    )
    assert accuracy == 75


def test_one_intent_is_always_the_answer() -> None:
    assert bag_of_words_accuracy(["a b", "c d"], ["x", "x"], ["e f", "g h"], ["x", "y"]) == 50
