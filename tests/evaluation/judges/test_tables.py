import numpy as np
import pytest

from bertline.evaluation.judges.tables import confusion_table, group_table, label_table
from bertline.evaluation.metrics import Metric, share


def test_confusion_has_true_classes_in_rows() -> None:
    true, answered = ["play", "play", "rate"], ["play", "rate", "rate"]
    table = confusion_table("Intents", true, answered, ["play", "rate", "wait"])
    assert table.columns == ("", "play", "rate", "wait")
    assert table.rows == (("play", 1, 1, 0), ("rate", 0, 1, 0), ("wait", 0, 0, 0))
    assert table.is_confusion


def test_group_table_takes_metrics_of_each_group() -> None:
    counts = np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    metrics = {"right": Metric("right answers", share(1, 0), of=0)}
    table = group_table("By intent", ["a", "a", "b"], ["b", "a", "c"], counts, metrics)
    assert table.columns == ("", "examples", "right answers")
    assert table.rows == (("b", 1, 100), ("a", 2, 50), ("c", 0, 0))


def test_label_table_has_labels_of_truth_and_answers() -> None:
    gold = [["a", "b"], ["a"], ["b"]]
    answered = [["a", "c"], ["a"], ["b"]]
    right = [["a"], ["a"], ["b"]]
    rows = {row[0]: row[1:] for row in label_table("By slot", gold, answered, right).rows}
    assert list(rows) == ["a", "b", "c"]
    assert rows["a"] == (2, 2, 2, 100, 100, 100)
    assert rows["b"][:3] == (2, 1, 1)
    assert rows["b"][3:] == pytest.approx((100, 50, 200 / 3))
    assert rows["c"] == (0, 1, 0, 0, 0, 0)
