from types import SimpleNamespace

import pytest

from bertline.evaluation.metrics import tagged_text_counts
from bertline.evaluation.tables import confusion_matrix, intent_table, slot_table


def labelled(intent: str, tags: str) -> SimpleNamespace:
    return SimpleNamespace(intent=intent, tags=tags.split())


GOLD = [labelled("play", "B-a O B-b"), labelled("play", "O B-a"), labelled("rate", "B-b")]
ANSWERS = [labelled("play", "B-a O B-c"), labelled("rate", "O B-a"), labelled("rate", "B-b")]
INTENTS = ["play", "rate", "wait"]


def test_confusion_has_true_intents_in_rows() -> None:
    assert confusion_matrix(GOLD, ANSWERS, INTENTS) == ((1, 1, 0), (0, 1, 0), (0, 0, 0))


def test_intent_table() -> None:
    play, rate, wait = intent_table(GOLD, ANSWERS, tagged_text_counts(GOLD, ANSWERS), INTENTS)
    assert (play.gold, play.answered, play.accuracy) == (2, 1, 50)
    assert play.slot_f1 == pytest.approx(100 * 2 * 2 / 6)
    assert play.sentence_accuracy == 0
    assert (rate.gold, rate.answered, rate.accuracy, rate.sentence_accuracy) == (1, 2, 100, 100)
    assert (wait.gold, wait.answered, wait.accuracy) == (0, 0, 0)


def test_slot_table_has_labels_of_truth_and_answers() -> None:
    rows = {row.label: row for row in slot_table(GOLD, ANSWERS)}
    assert list(rows) == ["a", "b", "c"]
    assert (rows["a"].gold, rows["a"].answered, rows["a"].right, rows["a"].f1) == (2, 2, 2, 100)
    assert (rows["b"].precision, rows["b"].recall) == (100, 50)
    assert rows["b"].f1 == pytest.approx(100 * 2 / 3)
    assert (rows["c"].gold, rows["c"].answered, rows["c"].f1) == (0, 1, 0)
