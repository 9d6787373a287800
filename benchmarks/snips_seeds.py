"""Quality over several training seeds: the whole line on SNIPS data, pooled.

    python -m benchmarks.snips_seeds --data ../shared/data/snips

Runs `bertline run snips` once a seed, one after another, in folders of their own below --root, so
that a second call (or one after an interruption) takes up what is there. Then prints, for every
file, the mean of each metric over the seeds, and with seeds pooled its drop from the training
model's float32 forward pass with a 95 % interval, and how often the two agree on 2,000 training
utterances that calibration has not seen.
"""

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bertline.evaluation.intervals import drop_intervals
from bertline.evaluation.predictions import read_counts
from bertline.evaluation.results import REFERENCE, FileResult, Interval, Results
from bertline.progress import duration

SEEDS = (1, 2, 3)
AGREEMENT_EXAMPLES = 2000


@dataclass(frozen=True)
class Pooled:
    """One file over all seeds: percentages are means, drops are points of the pooled answers.

    agreement_intent, agreement_slots: percent of training texts; logit_difference: the largest.
    """

    name: str
    metrics: dict[str, float]
    metrics_without_leaked: dict[str, float]
    drops: dict[str, Interval]
    agreement_intent: float
    agreement_slots: float
    logit_difference: float


def main() -> None:
    """Runs what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", default="../shared/data/snips", help="a folder in SNIPS layout")
    parser.add_argument("--root", type=Path, default=Path("runs/seeds"), help="folder of the runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    options = parser.parse_args()
    reports = run_seeds(options.data, options.root, options.seeds)
    print("\n".join(table(pool(reports))))


def run_seeds(data: str, root: Path, seeds: tuple[int, ...] = SEEDS) -> list[Path]:
    """The report folders of the line run with each seed; runs what has not been run."""
    reports = []
    for seed in seeds:
        folder = root / f"seed-{seed}"
        settings = [f"finetune.seed={seed}", f"evaluate.agreement_examples={AGREEMENT_EXAMPLES}"]
        command = [sys.executable, "-m", "pipelines.cli", "run", "snips", "--data", data]
        command += ["--root", str(folder)] + [part for s in settings for part in ("--set", s)]
        start = time.monotonic()
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        print(f"seed {seed}: {duration(time.monotonic() - start)}", file=sys.stderr)
        (report,) = (
            line.removeprefix("report: ")
            for line in ended.stdout.splitlines()
            if line.startswith("report: ")
        )
        reports.append(Path(report).parent)
    return reports


def pool(reports: list[Path]) -> list[Pooled]:
    """The reference and every exported file over the reports, which judge the same examples."""
    results = [Results.read(report) for report in reports]
    metrics = results[0].metrics
    references = [read_counts(report, REFERENCE) for report in reports]
    pooled = []
    for name in [REFERENCE, *(file.name for file in results[0].files)]:
        files = [_file(result, name) for result in results]
        agreements = [file.agreement for file in files if file.agreement]
        candidates = [read_counts(report, name) for report in reports]
        pooled.append(
            Pooled(
                name,
                {metric: _mean([file.metrics[metric] for file in files]) for metric in metrics},
                {m: _mean([file.metrics_without_leaked[m] for file in files]) for m in metrics},
                drop_intervals(references, candidates, metrics),
                _mean([agreement.same["intent"] for agreement in agreements] or [100.0]),
                _mean([agreement.same["slots"] for agreement in agreements] or [100.0]),
                max(file.logit_difference or 0.0 for file in files),
            )
        )
    return pooled


def table(pooled: list[Pooled]) -> list[str]:
    """The pooled results as a Markdown table."""
    lines = [
        "| file | intent accuracy | slot F1 | sentence accuracy | intent drop [95 %] "
        "| slot F1 drop [95 %] | same intent | same slots | max Δlogit |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for file in pooled:
        intent, slots = file.drops["intent_accuracy"], file.drops["slot_f1"]
        cells = [
            file.name,
            *(f"{file.metrics[m]:.2f}" for m in ("intent_accuracy", "slot_f1")),
            f"{file.metrics['sentence_accuracy']:.2f}",
            *(f"{d.estimate:.2f} [{d.low:.2f}, {d.high:.2f}]" for d in (intent, slots)),
            f"{file.agreement_intent:.2f} %",
            f"{file.agreement_slots:.2f} %",
            f"{file.logit_difference:.1g}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    without = pooled[0].metrics_without_leaked
    lines.append("")
    lines.append(
        "training model without the test utterances that are in training too: "
        + ", ".join(f"{metric} {value:.2f}" for metric, value in without.items())
    )
    return lines


def _file(results: Results, name: str) -> FileResult:
    return next(file for file in (results.reference, *results.files) if file.name == name)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
