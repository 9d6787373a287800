from pathlib import Path

import pytest

from bertline.errors import ConfigError
from bertline.evaluation.gate import Gate, Verdict, judge
from bertline.evaluation.judges import judge_for
from bertline.tasks import get_task
from tests.evaluation.sample_results import make_file, make_results


def test_without_thresholds_finite_files_pass() -> None:
    verdict = judge(Gate(), make_results(make_file("openvino_int8")))
    assert verdict.blessed
    assert verdict.reasons == ()
    assert [file.name for file in verdict.files] == ["keras", "openvino_int8"]


def test_reasons_tell_file_value_and_bound() -> None:
    gate = Gate(
        minimum={"slot_f1": 95.0},
        maximum_drop={"slot_f1": 0.5},
        minimum_agreement={"intent": 99.5},
        maximum_logit_difference={"litert_float32": 1e-4},
        maximum_latency_ms_p95=9.0,
        maximum_size_bytes=20_000_000,
    )
    bad = make_file("litert_float32", slot_f1=94.2, drop=0.8, agreement=99.25)
    verdict = judge(gate, make_results(bad))
    assert not verdict.blessed
    assert list(verdict.reasons) == [
        "litert_float32: slot F1 is 94.20 %; at least 95 % is asked for",
        "litert_float32: slot F1 is 0.80 points below the training model's "
        "(95 % interval 0.40 to 1.20); at most 0.5 points is allowed",
        "litert_float32: same intent as the training model on 99.25 % of 2,000 training texts; "
        "at least 99.5 % is asked for",
        "litert_float32: logits differ from the training model's by 0.01; at most 0.0001 is "
        "allowed",
        "litert_float32: latency p95 is 10.0 ms; at most 9 ms is allowed",
        "litert_float32: size is 23,700,000 bytes; at most 20,000,000 bytes is allowed",
    ]


def test_the_reference_is_held_to_the_minima_and_to_nothing_else() -> None:
    gate = Gate(minimum={"slot_f1": 95.5}, maximum_latency_ms_p95=11.0)
    verdict = judge(gate, make_results(make_file("openvino_int8", slot_f1=95.6), slot_f1=95.4))
    assert verdict.reasons == ("keras: slot F1 is 95.40 %; at least 95.5 % is asked for",)
    assert [file.passed for file in verdict.files] == [False, True]


@pytest.mark.parametrize(("drop", "passed"), [(99.0 - 98.7, True), (0.31, False), (-2.0, True)])
def test_a_drop_as_large_as_the_bound_passes(drop: float, passed: bool) -> None:
    gate = Gate(maximum_drop={"intent_accuracy": 0.3})
    assert judge(gate, make_results(make_file("openvino_int8", drop=drop))).blessed is passed


@pytest.mark.parametrize(("asked", "passed"), [(0.8, True), (0.79, False)])
def test_the_upper_limit_of_a_drop_can_be_asked_for(asked: float, passed: bool) -> None:
    """make_file's intervals reach 0.4 points beyond the estimate."""
    gate = Gate(maximum_drop={"slot_f1": 0.4}, maximum_drop_upper={"slot_f1": asked})
    verdict = judge(gate, make_results(make_file("openvino_int8", drop=0.4)))
    assert verdict.blessed is passed
    text = (
        "slot F1 is 0.40 points below the training model's, up to 0.80 by its 95 % interval; at "
        f"most {asked:g} points is allowed"
    )
    assert verdict.files[1].checks[1].text == text
    assert verdict.files[1].reasons == ([] if passed else [text])


def test_what_has_nothing_to_measure_is_not_gated() -> None:
    bad = make_file("openvino_int8", slot_f1=1.0, intent_accuracy=80.0, drop=3.0)
    results = make_results(bad, slot_f1=1.0).model_copy(update={"unmeasured": ("slot_f1",)})
    of_slots = {"slot_f1": 90.0}
    assert judge(Gate(minimum=of_slots, maximum_drop={"slot_f1": 0.5}), results).blessed
    both = Gate(minimum={**of_slots, "intent_accuracy": 90.0})
    assert judge(both, results).reasons == (
        "openvino_int8: intent accuracy is 80.00 %; at least 90 % is asked for",
    )


def test_only_required_files_decide() -> None:
    files = make_file("openvino_int8"), make_file("litert_float16", slot_f1=10.0)
    minimum = {"slot_f1": 90.0}
    assert not judge(Gate(minimum=minimum), make_results(*files)).blessed
    verdict = judge(Gate(minimum=minimum, required=("openvino_int8",)), make_results(*files))
    assert verdict.blessed
    assert [(file.required, file.passed) for file in verdict.files] == [
        (True, True),
        (True, True),
        (False, False),
    ]
    assert verdict.files[2].reasons == ["slot F1 is 10.00 %; at least 90 % is asked for"]


def test_a_required_file_must_be_there() -> None:
    verdict = judge(Gate(required=("openvino_int4",)), make_results(make_file("openvino_int8")))
    assert verdict.reasons == ("openvino_int4: required, but not exported",)


def test_nothing_exported_is_not_blessed() -> None:
    assert judge(Gate(), make_results()).reasons == ("no file was exported",)


def test_logits_that_are_not_finite_fail() -> None:
    gate = Gate(maximum_logit_difference={"litert_float16": 0.1})
    verdict = judge(gate, make_results(make_file("litert_float16", finite=False)))
    assert verdict.reasons == ("litert_float16: some logits are not finite numbers",)


def test_unknown_metrics_and_values_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"unknown key 'slot_f2'; did you mean 'slot_f1'\?"):
        Gate.parse({"minimum": {"slot_f2": 90}}, where="gate")
    with pytest.raises(ConfigError, match=r"minimum\.slot_f1"):
        Gate.parse({"minimum": {"slot_f1": 950}}, where="gate")
    with pytest.raises(ConfigError, match="known: intent, slots"):
        Gate.parse({"minimum_agreement": {"xyz": 90}}, where="gate")


def test_a_verdict_is_read_back(tmp_path: Path) -> None:
    verdict = judge(Gate(minimum={"slot_f1": 99.0}), make_results(make_file("openvino_int8")))
    verdict.write(tmp_path)
    assert Verdict.read(tmp_path) == verdict
    assert [file.instruction_set for file in verdict.files] == ["AVX2", "AVX2"]


@pytest.mark.parametrize(
    ("gate", "key"),
    [
        (Gate(minimum={"accuracy": 90}), "accuracy"),
        (Gate(maximum_drop={"f1": 1}), "f1"),
        (Gate(minimum_agreement={"class": 99}), "class"),
    ],
)
def test_thresholds_of_another_task_are_refused(gate: Gate, key: str) -> None:
    gate.check_task(judge_for(get_task("mrpc")))
    with pytest.raises(ConfigError, match=f"gate: '{key}' is not of this task"):
        gate.check_task(judge_for(get_task("snips")))
