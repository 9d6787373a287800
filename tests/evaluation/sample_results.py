"""A made-up evaluation, for the tests of what is done with one."""

from bertline.evaluation.results import (
    Agreement,
    FileResult,
    IntentRow,
    Interval,
    Results,
    SlotRow,
    Timing,
)

RUNTIMES = ("keras", "saved_model", "litert", "openvino")
METRICS = ("slot_f1", "intent_accuracy", "sentence_accuracy")


def make_file(
    name: str,
    slot_f1: float = 95.0,
    intent_accuracy: float = 99.0,
    drop: float | None = 0.0,
    agreement: float = 99.8,
    logit_difference: float = 0.01,
    latency_ms: float = 5.0,
    size_bytes: int = 23_700_000,
    finite: bool = True,
) -> FileResult:
    """The results of one file; drop=None makes it the reference."""
    values = {"slot_f1": slot_f1, "intent_accuracy": intent_accuracy, "sentence_accuracy": 89.0}
    is_reference = drop is None
    interval = Interval(estimate=drop or 0.0, low=(drop or 0.0) - 0.4, high=(drop or 0.0) + 0.4)
    runtime = next(runtime for runtime in RUNTIMES if name.startswith(runtime))
    return FileResult(
        name=name,
        runtime=runtime,
        precision=name.removeprefix(runtime).lstrip("_") or "float32",
        size_bytes=size_bytes,
        finite_logits=finite,
        metrics=values,
        metrics_without_leaked={metric: value - 0.1 for metric, value in values.items()},
        drops=None if is_reference else dict.fromkeys(METRICS, interval),
        logit_difference=None if is_reference or not finite else logit_difference,
        agreement=None
        if is_reference
        else Agreement(count=2000, intent=agreement, slots=agreement - 1),
        timing=Timing(
            calls=200,
            latency_ms_p50=latency_ms,
            latency_ms_p95=2 * latency_ms,
            cpu_ms_per_call=1.5 * latency_ms,
            batched_examples=700,
            throughput_per_second=2000 / latency_ms,
            batched_cpu_ms_per_example=latency_ms / 2,
        ),
        intents=tuple(
            IntentRow(
                intent=intent,
                gold=10,
                answered=answered,
                accuracy=90,
                slot_f1=slot_f1,
                sentence_accuracy=80,
            )
            for intent, answered in (("PlayMusic", 9), ("RateBook", 11))
        ),
        slots=(
            SlotRow(label="artist", gold=9, answered=8, right=7, precision=87.5, recall=70, f1=82),
            SlotRow(label="genre", gold=4, answered=4, right=4, precision=100, recall=100, f1=100),
        ),
        confusion=((9, 1), (0, 10)),
    )


def make_results(*files: FileResult, slot_f1: float = 95.0) -> Results:
    """An evaluation of `files`; slot_f1 is that of the reference."""
    return Results(
        task="snips",
        metrics=METRICS,
        test_count=700,
        leaked_count=9,
        intents=("PlayMusic", "RateBook"),
        baseline={"intent_accuracy": 96.43},
        reference=make_file(
            "keras", slot_f1=slot_f1, drop=None, latency_ms=14, size_bytes=90_300_000
        ),
        files=files,
        data={
            "counts": {"train": 13_084, "dev": 700, "test": 700},
            "source": "samples/<snips> & more",
        },
        settings={"batch_size": 32, "gate": {"minimum": {"slot_f1": 90.0}}},
        environment={"CPU": "a fast one", "Python": "3.11.7"},
    )
