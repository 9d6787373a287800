import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertline.datasets import squad
from bertline.evaluation.squad import (
    Version,
    best_threshold,
    exact_match,
    normalize,
    scores,
    token_f1,
)
from bertline.examples import GoldAnswer, Question

READERS = {"v1.1": squad.read_v1, "v2.0": squad.read_v2}
TEXTS = st.text(st.sampled_from("aAn the.,!é\u00a0"), max_size=20)


def question(*answers: str) -> Question:
    return Question("q", "a", " ".join(answers), "?", tuple(GoldAnswer(a, 0) for a in answers))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Eiffel\u00a0Tower!", "eiffel tower"),
        ("an apple a day", "apple day"),
        # Punctuation goes first: what it divided is one word, and "a." an article.
        ("co-op, U.S. a.", "coop us"),
        ("“theatre” Thé", "“theatre” thé"),
        ("a the an", ""),
    ],
)
def test_normalize(text: str, expected: str) -> None:
    assert normalize(text) == expected


def test_scores_by_hand() -> None:
    # 2 common words of 3 and of 4: precision 2/3, recall 2/4.
    assert token_f1("big red dog", "the red dog ran off") == pytest.approx(2 * 2 / (3 + 4))
    # A word counts as often as both have it.
    assert token_f1("dog dog dog", "dog dog") == pytest.approx(2 * 2 / 5)
    assert token_f1("cat", "dog") == token_f1("", "dog") == token_f1("cat", "") == 0


def test_the_gold_answer_that_suits_best_counts() -> None:
    gold = question("red dog", "the dog")
    assert scores(gold, "Dog.") == (1, 1)
    assert scores(gold, "red") == pytest.approx((0, 2 / 3))
    assert scores(gold, "") == (0, 0)


def test_no_answer_is_right_where_there_is_none() -> None:
    assert scores(question(), "") == (1, 1)
    assert scores(question(), "dog") == (0, 0)


def test_the_versions_differ_where_nothing_is_left_of_the_gold_answer() -> None:
    assert scores(question("the"), "a", "1.1") == (1, 0)
    assert scores(question("the"), "a", "2.0") == (1, 1)
    assert scores(question("the", "dog"), "", "1.1") == (1, 0)
    assert scores(question("the", "dog"), "", "2.0") == (0, 0)


@given(TEXTS, TEXTS)
def test_f1_is_symmetric_and_1_for_the_same(one: str, other: str) -> None:
    assert token_f1(one, other) == token_f1(other, one)
    assert token_f1(one, one) == exact_match(one, one) == 1
    assert normalize(normalize(one)) == normalize(one)
    if exact_match(one, other):
        assert token_f1(one, other) == 1


def test_the_best_threshold_by_hand() -> None:
    # Answering gains +1, −1, +1, +0.5, −1 in the order of the odds.
    odds = [0.5, -2.0, 1.0, 3.0, 7.0]
    if_answered = [0.0, 1.0, 1.0, 0.5, 0.0]
    if_empty = [1.0, 0.0, 0.0, 0.0, 1.0]
    assert best_threshold(odds, if_answered, if_empty) == (3.0, (2 + 1.5) / 5)


def test_of_equally_good_thresholds_the_lowest_is_taken() -> None:
    assert best_threshold([1.0, 2.0], [1.0, 0.5], [0.0, 0.5]) == (1.0, 0.75)


def test_a_threshold_below_all_where_nothing_is_best_answered() -> None:
    assert best_threshold([-3.0, 1.0], [0.0, 0.0], [1.0, 0.0]) == (-4.0, 0.5)


def test_questions_of_equal_odds_are_answered_together() -> None:
    # Answering the first alone would give 2 of 3, which no threshold gives.
    assert best_threshold([1.0, 1.0, 2.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.5]) == (0.0, 0.5)


@given(
    st.lists(
        st.tuples(st.integers(-3, 3), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12
    )
)
def test_no_threshold_is_better(rows: list[tuple[int, int, int]]) -> None:
    def mean(threshold: float) -> float:
        return sum(yes if odds <= threshold else no for odds, yes, no in rows) / len(rows)

    threshold, best = best_threshold(*([float(x) for x in c] for c in zip(*rows, strict=True)))
    assert best == pytest.approx(mean(threshold))
    assert best == pytest.approx(max(map(mean, range(-4, 4))))


def read(file: Path) -> Any:
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        return json.load(stream)


@pytest.mark.real
def test_pairs_are_scored_as_by_the_official_evaluation(shared: Path) -> None:
    pairs = json.loads((shared / "oracle" / "squad_metric.json").read_text())["pairs"]
    assert len(pairs) > 50
    for pair in pairs:
        texts = pair["prediction"], pair["truth"]
        assert normalize(texts[0]) == pair["normalized_prediction"]
        assert normalize(texts[1]) == pair["normalized_truth"]
        assert exact_match(*texts) == pair["v11_em"] == pair["v20_em"]
        versions: tuple[Version, ...] = ("1.1", "2.0")
        f1 = [token_f1(*texts, version) for version in versions]
        assert f1 == pytest.approx([pair["v11_f1"], pair["v20_f1"]], abs=1e-12)


@pytest.mark.real
def test_published_predictions_are_scored_as_by_the_official_evaluation(shared: Path) -> None:
    oracle = shared / "oracle"
    for run in json.loads((oracle / "squad_metric.json").read_text())["runs"]:
        answers = read(oracle / run["predictions"])
        by_question = read(oracle / run["per_question_em_f1"])
        test = READERS[run["version"]](shared / "data" / "squad").test
        version: Version = "1.1" if run["version"] == "v1.1" else "2.0"
        questions = [q for q in test if isinstance(q, Question)]
        ours = {q.id: scores(q, answers[q.id], version) for q in questions if q.id in answers}
        assert ours.keys() == by_question.keys()
        for id, (exact, f1) in by_question.items():
            assert ours[id] == pytest.approx((exact, f1), abs=1e-12)
        # v1.1 counts what is not answered as wrong.
        exact, f1 = (100 * sum(column) / len(test) for column in zip(*ours.values(), strict=True))
        official = list(run["official"].values())[:2]
        assert [exact, f1] == pytest.approx(official, abs=1e-9)
        if "na_prob_file" in run:
            check_threshold(run, questions, ours, read(oracle / run["na_prob_file"]))


def check_threshold(
    run: dict[str, Any],
    questions: list[Question],
    ours: dict[str, tuple[float, float]],
    odds: dict[str, float],
) -> None:
    official = run["official_with_na_prob_thresh_1.0"]
    for column, name in enumerate(("best_exact", "best_f1")):
        threshold, best = best_threshold(
            [odds[q.id] for q in questions],
            [ours[q.id][column] for q in questions],
            [scores(q, "")[column] for q in questions],
        )
        assert threshold == official[f"{name}_thresh"]
        assert 100 * best == pytest.approx(official[name], abs=1e-9)
