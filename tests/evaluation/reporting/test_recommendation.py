import pytest

from bertline.evaluation.gate import Gate, judge
from bertline.evaluation.reporting.recommendation import Recommendation, recommend
from bertline.evaluation.results import FileResult
from tests.evaluation.sample_results import make_file, make_results

GATE = Gate(maximum_drop={"slot_f1": 0.5})


def walked(file: FileResult, float_bytes: int) -> FileResult:
    return file.model_copy(update={"float_tensor_bytes": float_bytes})


FILES = [
    walked(make_file("litert_float32", latency_ms=9, size_bytes=90_000_000), 95_000_000),
    walked(make_file("litert_dynamic_int8", latency_ms=2.05, size_bytes=24_000_000), 9_000_000),
    walked(make_file("litert_int8_mixed", latency_ms=2.0, size_bytes=25_000_000), 7_000_000),
    make_file("openvino_int8", latency_ms=1.0, drop=0.7),
    make_file("openvino_fp16", latency_ms=1.5),
]


def recommended(*files: FileResult) -> list[Recommendation]:
    results = make_results(*files)
    return recommend(results, judge(GATE, results))


def test_the_fastest_that_passes_is_recommended_and_of_equals_the_smallest() -> None:
    server, phone, integers = recommended(*FILES)
    assert (server.file, server.reason) == ("openvino_fp16", "1.50 ms a text with AVX2, 23.7 MB")
    assert phone.file == "litert_dynamic_int8"
    assert integers.file is None
    assert "litert_int8_mixed comes nearest, with 7.0 MB of float tensors" in integers.reason


def timed(file: FileResult, wall_ms: float, cpu_ms: float) -> FileResult:
    changes = {"latency_ms_p50": wall_ms, "cpu_ms_per_call": cpu_ms}
    return file.model_copy(update={"timing": file.timing.model_copy(update=changes)})


def test_where_wall_time_was_disturbed_cpu_time_decides() -> None:
    slow, fast = make_file("openvino_fp16"), make_file("openvino_int8")
    assert recommended(timed(slow, 1.0, 1.1), timed(fast, 1.2, 1.0))[0].file == "openvino_fp16"
    server = recommended(timed(slow, 1.0, 1.1), timed(fast, 1.21, 1.0))[0]
    assert server.file == "openvino_int8"
    assert server.reason == "1.00 ms of CPU time a text with AVX2, 23.7 MB"


def test_integers_alone_are_for_devices_that_have_no_others() -> None:
    slow = walked(make_file("litert_integer", latency_ms=20), 0)
    *_, integers = recommended(*FILES, slow)
    assert integers.file == "litert_integer"
    *_, integers = recommended(*FILES, slow.model_copy(update={"drops": FILES[3].drops}))
    assert integers.file is None


@pytest.mark.parametrize("files", [[], [make_file("openvino_int8", drop=9.0)]])
def test_where_nothing_passes_nothing_is_recommended(files: list[FileResult]) -> None:
    assert [each.file for each in recommended(*files)] == [None, None, None]
