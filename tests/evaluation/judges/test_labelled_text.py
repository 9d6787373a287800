import pytest

from bertline.evaluation.judges.labelled_text import METRICS, LabelledTextJudge
from bertline.evaluation.metrics import metrics_of
from bertline.examples import LabelledText
from bertline.features.labelled_text import LabelAnswer

JUDGE = LabelledTextJudge("yes")


def examples(labels: str) -> list[LabelledText]:
    texts = {"yes": "a fine thing", "no": "a bad thing"}
    return [LabelledText(str(n), texts[label], label) for n, label in enumerate(labels.split())]


def answers(labels: str) -> list[LabelAnswer]:
    return [LabelAnswer(label, {}) for label in labels.split()]


def test_metrics_by_hand() -> None:
    counts = JUDGE.counts(examples("yes yes yes no no"), answers("yes yes no yes no"))
    assert metrics_of(counts, METRICS) == pytest.approx(
        {"accuracy": 60, "f1": 200 / 3, "precision": 200 / 3, "recall": 200 / 3}
    )


def test_tables() -> None:
    truths, given = examples("yes yes no"), answers("yes no no")
    by_class, confusion = JUDGE.tables(
        truths, given, JUDGE.counts(truths, given), {"classes": ["no", "yes"]}
    )
    assert by_class.rows[0][:4] == ("no", 1, 2, 1)
    assert by_class.rows[1][:4] == ("yes", 2, 1, 1)
    assert confusion.rows == (("no", 1, 0), ("yes", 1, 1))


def test_baselines() -> None:
    train, test = examples("yes yes yes no no"), examples("yes no no no")
    values = JUDGE.baselines(train, test)
    assert values["the constant answer"]["accuracy"] == 25
    assert values["the constant answer"]["f1"] == pytest.approx(40)
    assert values["a bag-of-words classifier"]["accuracy"] == 100
