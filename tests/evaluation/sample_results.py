"""A made-up evaluation, for the tests of what is done with one."""

from bertline.evaluation.judges import Table
from bertline.evaluation.results import Agreement, FileResult, Interval, ModelFacts, Results, Timing
from bertline.usage import Cost

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
        instruction_set="AVX2",
        finite_logits=finite,
        metrics=values,
        metrics_without_leaked={metric: value - 0.1 for metric, value in values.items()},
        drops=None if is_reference else dict.fromkeys(METRICS, interval),
        logit_difference=None if is_reference or not finite else logit_difference,
        agreement=None
        if is_reference
        else Agreement(count=2000, same={"intent": agreement, "slots": agreement - 1}),
        timing=Timing(
            calls=200,
            latency_ms_p50=latency_ms,
            latency_ms_p95=2 * latency_ms,
            cpu_ms_per_call=1.5 * latency_ms,
            batched_examples=700,
            throughput_per_second=2000 / latency_ms,
            batched_cpu_ms_per_example=latency_ms / 2,
        ),
        tables=(
            Table(
                title="By intent",
                columns=("", "examples", "slot F1"),
                rows=(("PlayMusic", 10, slot_f1), ("RateBook", 10, slot_f1)),
            ),
            Table(
                title="Intents",
                columns=("", "PlayMusic", "RateBook"),
                rows=(("PlayMusic", 9, 1), ("RateBook", 0, 10)),
                is_confusion=True,
            ),
        ),
    )


def make_results(*files: FileResult, slot_f1: float = 95.0) -> Results:
    """An evaluation of `files`; slot_f1 is that of the reference."""
    return Results(
        task="snips",
        model=ModelFacts(parameters=22_700_000, flops=1_385_000_000, length=64, prune_ratio=0.0),
        metrics=METRICS,
        test_count=700,
        leaked_count=9,
        baselines={"a bag-of-words classifier": {"intent_accuracy": 96.43}},
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
        stages={
            "finetune": Cost(
                seconds=71.25,
                user_seconds=123.5,
                system_seconds=6.5,
                page_faults=1_433_590,
                peak_memory_bytes=1_894_000_000,
            )
        },
    )
