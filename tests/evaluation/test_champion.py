from pathlib import Path

import numpy as np
import pytest

from bertline.artifacts import read_json, write_json
from bertline.errors import DataError
from bertline.evaluation.champion import counts_of, judge_against_champion, with_champion
from bertline.evaluation.checks import DropLimits
from bertline.evaluation.gate import Gate, judge
from bertline.evaluation.inference import load
from bertline.evaluation.judges import judge_for
from bertline.evaluation.reporting.summary import champion_line
from bertline.evaluation.results import AgainstChampion, FileResult, Interval, Results
from bertline.examples import Slot, TaggedText
from bertline.tasks import get_task
from tests.evaluation.sample_results import make_file, make_results
from tests.evaluation.toy_material import TEST

JUDGE = judge_for(get_task("snips"))
LIMITS = DropLimits(maximum_drop_upper={"slot_f1": 1.0})


def with_drop(file: FileResult, estimate: float, high: float) -> FileResult:
    """The file, and a champion that is so much better in slot F1."""
    interval = Interval(estimate=estimate, low=estimate - 1, high=high)
    drops = dict.fromkeys(JUDGE.metrics, interval)
    champion = AgainstChampion(metrics=dict.fromkeys(JUDGE.metrics, 95.0), drops=drops)
    return file.model_copy(update={"champion": champion})


def results_of(*files: FileResult) -> Results:
    return make_results(*files).model_copy(update={"champion": 4})


@pytest.mark.parametrize(("high", "blessed"), [(1.0, True), (1.01, False), (-0.5, True)])
def test_the_upper_limit_decides(high: float, blessed: bool) -> None:
    results = results_of(with_drop(make_file("openvino_int8"), high - 0.8, high))
    verdict = judge_against_champion(judge(Gate(), results), results, LIMITS)
    assert verdict.blessed is blessed
    text = (
        f"slot F1 is {high - 0.8:.2f} points below version 4's, up to {high:.2f} by its 95 % "
        "interval; at most 1 points is allowed"
    )
    assert [check.text for check in verdict.files[1].checks] == [text]
    assert list(verdict.reasons) == ([] if blessed else [f"openvino_int8: {text}"])
    assert verdict.files[0].checks == ()


def test_the_gate_s_reasons_stay_and_come_first() -> None:
    gate = Gate(minimum={"slot_f1": 99.0})
    results = results_of(with_drop(make_file("openvino_int8"), 0.0, 5.0))
    verdict = judge_against_champion(judge(gate, results), results, LIMITS)
    assert [reason[:30] for reason in verdict.reasons] == [
        "keras: slot F1 is 95.00 %; at ",
        "openvino_int8: slot F1 is 95.0",
        "openvino_int8: slot F1 is 0.00",
    ]


def test_a_file_that_is_not_required_fails_alone() -> None:
    files = make_file("saved_model"), make_file("openvino_int8")
    results = results_of(with_drop(files[0], 0.0, 0.5), with_drop(files[1], 0.0, 5.0))
    before = judge(Gate(required=("saved_model",)), results)
    verdict = judge_against_champion(before, results, LIMITS)
    assert verdict.blessed
    assert [file.passed for file in verdict.files] == [True, True, False]


def test_where_nothing_can_be_compared_nothing_is_blessed() -> None:
    results = results_of(make_file("openvino_int8"))
    verdict = judge_against_champion(judge(Gate(), results), results, LIMITS)
    assert verdict.reasons == ("no file in a form that version 4 has; export one of them",)
    assert champion_line(results).endswith("in points: no file in a form that it has")


def test_a_line_for_the_terminal() -> None:
    results = results_of(with_drop(make_file("openvino_int8"), 0.2, 1.2), make_file("saved_model"))
    assert champion_line(results) == (
        "slot F1 of version 4 minus that of this model, in points: openvino_int8 +0.20 "
        "(-0.80 to +1.20)"
    )


@pytest.mark.parametrize("name", ["openvino_int8", "litert_dynamic_int8", "saved_model"])
def test_the_champion_is_run_in_its_own_runtime(name: str, toy_folder: Path) -> None:
    # By hand, as in tests/evaluation/test_measure.py: two of three intents, four of six slots.
    counts = counts_of(load(toy_folder, name), TEST, JUDGE, batch_size=2)
    sums = counts.sum(axis=0)
    assert JUDGE.metrics["intent_accuracy"].of_sums(sums) == pytest.approx(200 / 3)
    assert JUDGE.metrics["slot_f1"].of_sums(sums) == pytest.approx(100 * 4 / 6)


def test_labels_that_the_champion_does_not_know_count_as_wrong(toy_folder: Path) -> None:
    new = TaggedText("new", "play some jazz", "GetWeather", (Slot("place", 10, 14),))
    (row,) = counts_of(load(toy_folder, "openvino_int8"), [new], JUDGE, batch_size=2).tolist()
    assert row == [1, 0, 0, 0, 1, 1]


def test_a_text_without_words_is_counted(toy_folder: Path) -> None:
    empty = TaggedText("empty", "\u200b", "PlayMusic", ())
    counts = counts_of(load(toy_folder, "openvino_int8"), [empty, *TEST], JUDGE, batch_size=2)
    assert counts.shape == (4, 6)


def write_predictions(report: Path, rows: list[list[float]]) -> None:
    (report / "predictions").mkdir(parents=True)
    lines = "".join(f'{{"counts": {row}}}\n' for row in rows)
    (report / "predictions/openvino_int8.jsonl").write_text(lines)


def compare(report: Path, champion: Path, results: Results | None = None) -> Results:
    results = results or make_results(make_file("openvino_int8"), make_file("litert_float16"))
    return with_champion(
        results, report, TEST, champion, version=7, batch_size=2, bootstrap_samples=200
    )


def test_pairs_are_made_example_by_example(toy_folder: Path, tmp_path: Path) -> None:
    champion = counts_of(load(toy_folder, "openvino_int8"), TEST, JUDGE, batch_size=2)
    write_predictions(tmp_path, champion.tolist())
    found = compare(tmp_path, toy_folder)
    assert found.champion == 7
    int8, float16 = found.files
    assert int8.champion is not None
    assert float16.champion is None
    assert int8.champion.metrics["intent_accuracy"] == pytest.approx(200 / 3)
    # The same answers: whatever is drawn, there is no drop.
    for drop in int8.champion.drops.values():
        assert (drop.estimate, drop.low, drop.high) == (0, 0, 0)


def test_the_drop_is_the_champion_s_lead(toy_folder: Path, tmp_path: Path) -> None:
    wrong = np.zeros((3, 6))
    wrong[:, 0] = 1
    write_predictions(tmp_path, wrong.tolist())
    champion = compare(tmp_path, toy_folder).files[0].champion
    assert champion is not None
    assert champion.drops["intent_accuracy"].estimate == pytest.approx(200 / 3)


def test_other_examples_and_another_task_are_refused(toy_folder: Path, tmp_path: Path) -> None:
    write_predictions(tmp_path / "report", [[1, 1, 1, 0, 0, 0]])
    with pytest.raises(DataError, match="made from other test examples"):
        compare(tmp_path / "report", toy_folder)
    other = tmp_path / "other"
    other.mkdir()
    write_json(other / "model.json", {**read_json(toy_folder / "model.json"), "task": "imdb"})
    with pytest.raises(DataError, match="a model of task 'imdb', not 'snips'; give the new one"):
        compare(tmp_path / "report", other)
