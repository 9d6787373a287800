r"""Quality over several training seeds: a recipe's whole line on real data, pooled.

    python -m benchmarks.seeds snips --data ../shared/data/snips \
        --set evaluate.agreement_examples=2000

Runs `bertline run RECIPE` once a seed, one after another, in folders of their own below --root, so
that a second call (or one after an interruption) takes up what is there. Then prints, for every
file, the mean of each metric over the seeds, and with seeds pooled its drop from the training
model's float32 forward pass with a 95 % interval, and how often the two agree on training examples
that calibration has not seen.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bertline.evaluation.intervals import drop_intervals
from bertline.evaluation.judges import METRICS
from bertline.evaluation.predictions import read_counts
from bertline.evaluation.results import REFERENCE, FileResult, Interval, Results
from bertline.progress import duration


@dataclass(frozen=True)
class Pooled:
    """One file over all seeds: percentages are means, drops are points of the pooled answers.

    same: aspect of an answer → percent of training examples. logit_difference: the largest.
    """

    name: str
    metrics: dict[str, float]
    metrics_without_leaked: dict[str, float]
    drops: dict[str, Interval]
    same: dict[str, float]
    logit_difference: float


def main() -> None:
    """Runs what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("recipe")
    parser.add_argument("--data", required=True, help="a folder or archive of the recipe's dataset")
    parser.add_argument("--root", type=Path, default=Path("runs/seeds"), help="folder of the runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--set", action="append", default=[], metavar="STAGE.KEY=VALUE")
    options = parser.parse_args()
    reports = run_seeds(options.recipe, options.data, options.root, options.seeds, options.set)
    print("\n".join(table(pool(reports))))


def run_seeds(
    recipe: str, data: str, root: Path, seeds: Sequence[int], settings: Sequence[str] = ()
) -> list[Path]:
    """The report folders of the recipe run with each seed; runs what has not been run."""
    reports = []
    for seed in seeds:
        folder = root / f"seed-{seed}"  # Recipes that train alike share what was trained.
        command = [sys.executable, "-m", "pipelines.cli", "run", recipe, "--data", data]
        for setting in (f"finetune.seed={seed}", *settings):
            command += ["--set", setting]
        start = time.monotonic()
        ended = subprocess.run(
            [*command, "--root", str(folder)], stdout=subprocess.PIPE, text=True, check=True
        )
        print(f"{recipe}, seed {seed}: {duration(time.monotonic() - start)}", file=sys.stderr)
        (report,) = (
            line.removeprefix("report: ")
            for line in ended.stdout.splitlines()
            if line.startswith("report: ")
        )
        reports.append(Path(report).parent)
    return reports


def pool(reports: Sequence[Path]) -> list[Pooled]:
    """The reference and every exported file over the reports, which judge the same examples."""
    results = [Results.read(report) for report in reports]
    metrics = results[0].metrics
    references = [read_counts(report, REFERENCE) for report in reports]
    pooled = []
    for name in [REFERENCE, *(file.name for file in results[0].files)]:
        files = [_file(result, name) for result in results]
        agreements = [file.agreement.same for file in files if file.agreement]
        candidates = [read_counts(report, name) for report in reports]
        pooled.append(
            Pooled(
                name,
                _means([file.metrics for file in files], metrics),
                _means([file.metrics_without_leaked for file in files], metrics),
                drop_intervals(references, candidates, metrics),
                _means(agreements, list(agreements[0])) if agreements else {},
                max(file.logit_difference or 0.0 for file in files),
            )
        )
    return pooled


def table(pooled: Sequence[Pooled]) -> list[str]:
    """The pooled results as a Markdown table."""
    metrics = list(pooled[0].metrics)
    aspects = list(pooled[-1].same)
    labels = [METRICS[metric].label for metric in metrics]
    heads = ["file", *labels, *(f"{label} drop [95 %]" for label in labels)]
    heads += [*(f"same {aspect}" for aspect in aspects), "max Δlogit"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for file in pooled:
        drops = [file.drops[metric] for metric in metrics]
        cells = [
            file.name,
            *(f"{file.metrics[metric]:.2f}" for metric in metrics),
            *(f"{drop.estimate:.2f} [{drop.low:.2f}, {drop.high:.2f}]" for drop in drops),
            *(f"{file.same.get(aspect, 100):.2f} %" for aspect in aspects),
            f"{file.logit_difference:.1g}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    without = pooled[0].metrics_without_leaked
    lines.append("")
    lines.append(
        "training model without the test examples that are in training too: "
        + ", ".join(f"{METRICS[name].label} {value:.2f}" for name, value in without.items())
    )
    return lines


def _file(results: Results, name: str) -> FileResult:
    return next(file for file in (results.reference, *results.files) if file.name == name)


def _means(values: Sequence[dict[str, float]], names: Sequence[str]) -> dict[str, float]:
    return {name: sum(each[name] for each in values) / len(values) for name in names}


if __name__ == "__main__":
    main()
