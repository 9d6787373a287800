"""An evaluation in a few lines of plain text, for the terminal."""

from collections.abc import Sequence

from bertline.evaluation.gate import Verdict
from bertline.evaluation.judges import METRICS
from bertline.evaluation.results import ROUNDED, FileResult, ModelFacts, Results
from bertline.tasks import get_task


def summary_lines(results: Results, verdict: Verdict) -> list[str]:
    """A table of the files, the baseline, and the verdict with its reasons; one string a line."""
    passed = {file.name: file.passed for file in verdict.files}
    labels = [METRICS[name].label for name in results.metrics]
    heads = ["file", *labels, "drop", "p50 ms", "p95 ms", "texts/s", "CPU ms", "size", "gate"]
    rows = [
        [*_cells(file, results.metrics), "pass" if passed[file.name] else "FAIL"]
        for file in (results.reference, *results.files)
    ]
    lines = _aligned([heads, *rows])
    lines.insert(1, "-" * len(lines[0]))
    first = METRICS[results.metrics[0]].label
    lines.append(
        f"{results.test_count:,} test examples, {results.leaked_count:,} of them also in training; "
        f"metrics in percent; drop: of {first}, in points"
    )
    unmeasured = [name for name in get_task(results.task).metrics if name in results.unmeasured]
    if unmeasured:
        names = ", ".join(METRICS[name].label for name in unmeasured)
        lines.append(f"nothing to measure in this data, and not gated: {names}")
    if results.reference.precision == ROUNDED:
        lines.append(
            f"{results.reference.name}: the network with fake quantization that was trained, not a "
            "float model; evaluate.reference=MODEL compares with one"
        )
    lines.append(model_line(results.model))
    for name, values in results.baselines.items():
        told = ", ".join(
            f"{METRICS[metric].label} {values[metric]:.2f} "
            f"(the model {results.reference.metrics[metric]:.2f})"
            for metric in results.metrics
            if metric in values
        )
        if told:
            lines.append(f"{name}: {told}")
    if results.champion is not None:
        lines.append(champion_line(results))
    lines.append(verdict_line(verdict))
    lines += [f"  {reason}" for reason in verdict.reasons]
    return lines


def model_line(model: ModelFacts) -> str:
    """What the model costs by its shape, in one line."""
    return (
        f"model: {model.parameters / 1e6:.1f} M parameters, {model.flops / 1e6:,.0f} MFLOPs at "
        f"{model.length} tokens, prune ratio {model.prune_ratio:.2f} %"
    )


def champion_line(results: Results) -> str:
    """How the first metric of each file stands to the version in use, in one line."""
    name = results.metrics[0]
    drops = {file.name: file.champion.drops[name] for file in results.files if file.champion}
    told = [
        f"{file} {drop.estimate:+.2f} ({drop.low:+.2f} to {drop.high:+.2f})"
        for file, drop in drops.items()
    ]
    return (
        f"{METRICS[name].label} of version {results.champion} minus that of this model, in points: "
        f"{', '.join(told) or 'no file in a form that it has'}"
    )


def verdict_line(verdict: Verdict) -> str:
    """The verdict in one sentence."""
    if not verdict.blessed:
        count = len(verdict.reasons)
        return f"NOT BLESSED, for {count} reason{'s' if count > 1 else ''}:"
    checks = sum(len(file.checks) for file in verdict.files)
    passed = sum(file.passed for file in verdict.files[1:])
    return f"BLESSED: {passed} of {len(verdict.files) - 1} exported files pass, {checks} checks"


def size_text(size_bytes: int) -> str:
    """A size in megabytes of 10⁶ bytes: "23.7 MB"."""
    return f"{size_bytes / 1e6:.1f} MB"


def _cells(file: FileResult, metrics: Sequence[str]) -> list[str]:
    drop = "" if file.drops is None else f"{file.drops[metrics[0]].estimate:+.2f}"
    return [
        file.name,
        *(f"{file.metrics[name]:.2f}" for name in metrics),
        drop,
        f"{file.timing.latency_ms_p50:.2f}",
        f"{file.timing.latency_ms_p95:.2f}",
        f"{file.timing.throughput_per_second:,.0f}",
        f"{file.timing.cpu_ms_per_call:.2f}",
        size_text(file.size_bytes),
    ]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
