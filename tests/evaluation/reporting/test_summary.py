from bertline.evaluation.gate import Gate, judge
from bertline.evaluation.reporting.summary import size_text, summary_lines
from bertline.evaluation.results import ROUNDED
from tests.evaluation.sample_results import make_file, make_results


def test_lines_hold_the_table_the_baseline_and_the_verdict() -> None:
    results = make_results(make_file("openvino_int8", slot_f1=94.9, drop=0.1))
    lines = summary_lines(results, judge(Gate(), results))
    assert lines == [
        "file           slot F1  intent accuracy  sentence accuracy   drop  p50 ms  p95 ms  "
        "texts/s  CPU ms     size  gate",
        "-" * len(lines[0]),
        "keras            95.00            99.00              89.00          14.00   28.00  "
        "    143   21.00  90.3 MB  pass",
        "openvino_int8    94.90            99.00              89.00  +0.10    5.00   10.00  "
        "    400    7.50  23.7 MB  pass",
        "700 test examples, 9 of them also in training; metrics in percent; drop: of slot F1, "
        "in points",
        "model: 22.7 M parameters, 1,385 MFLOPs at 64 tokens, prune ratio 0.00 %",
        "a bag-of-words classifier: intent accuracy 96.43 (the model 99.00)",
        "BLESSED: 1 of 1 exported files pass, 0 checks",
    ]


def test_reasons_follow_a_verdict_that_is_not_blessed() -> None:
    results = make_results(make_file("openvino_int8", slot_f1=80.0))
    lines = summary_lines(results, judge(Gate(minimum={"slot_f1": 90.0}), results))
    assert lines[-2:] == [
        "NOT BLESSED, for 1 reason:",
        "  openvino_int8: slot F1 is 80.00 %; at least 90 % is asked for",
    ]
    assert lines[3].endswith("FAIL")


def test_a_reference_with_fake_quantization_is_called_so() -> None:
    results = make_results(make_file("openvino_int8"))
    reference = results.reference.model_copy(update={"precision": ROUNDED})
    rounded = results.model_copy(update={"reference": reference})
    line = (
        "keras: the network with fake quantization that was trained, not a float model; "
        "evaluate.reference=MODEL compares with one"
    )
    assert line in summary_lines(rounded, judge(Gate(), rounded))
    assert line not in summary_lines(results, judge(Gate(), results))


def test_sizes_are_in_millions_of_bytes() -> None:
    assert size_text(23_749_999) == "23.7 MB"


def test_what_has_nothing_to_measure_is_told() -> None:
    results = make_results(make_file("openvino_int8")).model_copy(
        update={
            "metrics": ("slot_f1", "sentence_accuracy"),
            "unmeasured": ("intent_accuracy", "slot_recall"),
        }
    )
    lines = summary_lines(results, judge(Gate(), results))
    assert "nothing to measure in this data, and not gated: intent accuracy" in lines
    assert not any(line.startswith("a bag-of-words classifier") for line in lines)
