from dataclasses import dataclass
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertline.evaluation.judges import METRICS as EVERY_METRIC
from bertline.evaluation.judges.bio import spans
from bertline.evaluation.judges.tagged_text import METRICS, TaggedTextJudge
from bertline.evaluation.metrics import metrics_of, percent, unmeasured
from bertline.tasks import TASKS

JUDGE = TaggedTextJudge()
TAGS = st.lists(st.sampled_from(["O", "B-a", "I-a", "B-b", "I-b"]), max_size=8)


@dataclass
class Labelled:
    intent: str
    tags: list[str]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("", []),
        ("O O", []),
        ("B-a I-a O B-b", [("a", 0, 2), ("b", 3, 4)]),
        ("B-a B-a", [("a", 0, 1), ("a", 1, 2)]),
        ("I-a I-a", [("a", 0, 2)]),
        ("O I-a O", [("a", 1, 2)]),
        ("B-a I-b I-b", [("a", 0, 1), ("b", 1, 3)]),
        ("I-a B-a", [("a", 0, 1), ("a", 1, 2)]),
        ("B-x-y I-x-y", [("x-y", 0, 2)]),
    ],
)
def test_spans_follow_the_rules_of_conlleval(
    tags: str, expected: list[tuple[str, int, int]]
) -> None:
    assert spans(tags.split()) == expected


@given(TAGS)
def test_spans_cover_exactly_the_words_that_are_not_o(tags: list[str]) -> None:
    covered = [position for _, start, end in spans(tags) for position in range(start, end)]
    assert covered == [position for position, tag in enumerate(tags) if tag != "O"]
    for label, start, end in spans(tags):
        assert {tag[2:] for tag in tags[start:end]} == {label}
        assert "B" not in {tag[0] for tag in tags[start + 1 : end]}


def test_metrics_of_three_sentences_by_hand() -> None:
    gold = [
        Labelled("play", ["B-a", "I-a", "O", "B-b"]),
        Labelled("rate", ["O", "B-a"]),
        Labelled("rate", ["O"]),
    ]
    answers = [
        Labelled("play", ["B-a", "I-a", "O", "O"]),
        Labelled("play", ["B-b", "B-a"]),
        Labelled("rate", ["O"]),
    ]
    counts = JUDGE.counts(gold, answers)
    # 3 gold slots, 3 answered, 2 right; 2 intents of 3 right; only the last sentence is right
    assert counts.tolist() == [[1, 1, 0, 1, 1, 2], [1, 0, 0, 1, 2, 1], [1, 1, 1, 0, 0, 0]]
    assert metrics_of(counts, METRICS) == pytest.approx(
        {
            "slot_f1": 100 * 2 / 3,
            "slot_precision": 100 * 2 / 3,
            "slot_recall": 100 * 2 / 3,
            "intent_accuracy": 100 * 2 / 3,
            "sentence_accuracy": 100 / 3,
        }
    )


def test_precision_and_recall_differ_where_too_much_is_answered() -> None:
    counts = JUDGE.counts(
        [Labelled("x", ["B-a", "O", "O", "O"])], [Labelled("x", ["B-a", "B-a", "O", "B-b"])]
    )
    values = metrics_of(
        counts, {name: METRICS[name] for name in ["slot_precision", "slot_recall", "slot_f1"]}
    )
    assert values == pytest.approx(
        {"slot_precision": 100 / 3, "slot_recall": 100.0, "slot_f1": 50.0}
    )


def test_a_sentence_is_wrong_when_tags_differ_though_spans_agree() -> None:
    counts = JUDGE.counts([Labelled("x", ["B-a"])], [Labelled("x", ["I-a"])])
    assert metrics_of(
        counts, {name: METRICS[name] for name in ["slot_f1", "sentence_accuracy"]}
    ) == {
        "slot_f1": 100,
        "sentence_accuracy": 0,
    }


@given(st.lists(st.tuples(TAGS, st.booleans()), min_size=1, max_size=5))
def test_answering_the_truth_is_perfect(sentences: list[tuple[list[str], bool]]) -> None:
    gold = [Labelled("yes" if flag else "no", tags) for tags, flag in sentences]
    values = metrics_of(JUDGE.counts(gold, gold), METRICS)
    assert values["intent_accuracy"] == values["sentence_accuracy"] == 100
    assert values["slot_f1"] == (100 if any(spans(tags) for tags, _ in sentences) else 0)


@given(st.lists(st.tuples(TAGS, st.randoms()), min_size=1, max_size=5))
def test_f1_is_the_same_when_truth_and_answer_change_places(
    sentences: list[tuple[list[str], Random]],
) -> None:
    gold = [Labelled("x", tags) for tags, _ in sentences]
    answers = [Labelled("x", random.sample(tags, len(tags))) for tags, random in sentences]
    one = metrics_of(JUDGE.counts(gold, answers), METRICS)
    other = metrics_of(JUDGE.counts(answers, gold), METRICS)
    assert one["slot_f1"] == pytest.approx(other["slot_f1"])
    assert one["slot_precision"] == pytest.approx(other["slot_recall"])
    assert 0 <= one["slot_f1"] <= 100


def test_without_slots_or_with_one_intent_there_is_nothing_to_measure() -> None:
    plain = JUDGE.counts([Labelled("x", ["O"])], [Labelled("x", ["B-a"])])
    slots = JUDGE.counts([Labelled("x", ["B-a"])], [Labelled("x", ["O"])])
    one, two = {"intents": ["x"]}, {"intents": ["x", "y"]}
    of_slots = ("slot_f1", "slot_precision", "slot_recall")
    assert unmeasured(plain, METRICS, two) == of_slots
    assert unmeasured(plain, METRICS, one) == (*of_slots, "intent_accuracy")
    assert unmeasured(slots, METRICS, one) == ("intent_accuracy",)
    assert unmeasured(slots, METRICS, two) == ()


def test_an_intent_that_only_the_truth_has_is_in_the_tables() -> None:
    gold, answers = [Labelled("z", ["O"])], [Labelled("x", ["O"])]
    counts = JUDGE.counts(gold, answers)
    tables = JUDGE.tables(gold, answers, counts, {"intents": ["x", "y"], "tags": ["O"]})
    assert [row[:2] for row in tables[0].rows] == [("x", 0), ("y", 0), ("z", 1)]
    assert tables[1].rows == (("x", 0, 0, 0), ("y", 0, 0, 0), ("z", 1, 0, 0))


def test_percent_of_nothing_is_zero() -> None:
    assert percent(np.array([1, 0]), np.array([4, 0])).tolist() == [25, 0]


def test_every_metric_of_every_task_is_defined() -> None:
    assert {name for task in TASKS.values() for name in task.metrics} <= set(EVERY_METRIC)
