"""Cold start: CPU and wall seconds of short commands, each in a new process.

    python -m benchmarks.cold_start --model runs/registry/snips/1

`bertline --help`, `bertline recipes`, and `bertline predict` of one text from each file of a model.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from bertline.evaluation.predictors import predictor_names

TEXT = "play some jazz by miles davis"


def main() -> None:
    """Prints the least CPU seconds and the least wall seconds of each command over the rounds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, help="an exported folder, or a version of a registry")
    parser.add_argument("--rounds", type=int, default=5, help="times each command is run")
    options = parser.parse_args()
    commands = {"--help": ["--help"], "recipes": ["recipes"]}
    for name in predictor_names(options.model) if options.model else ():
        arguments = ["predict", "--model", str(options.model / name), TEXT]
        commands[f"predict, {name}"] = arguments
    print(f"{'command':<32}{'CPU s':>8}{'wall s':>8}")
    for name, arguments in commands.items():
        runs = [cost_of(arguments) for _ in range(options.rounds)]
        cpu_seconds, wall_seconds = (min(values) for values in zip(*runs, strict=True))
        print(f"{name:<32}{cpu_seconds:>8.2f}{wall_seconds:>8.2f}")


def cost_of(arguments: list[str]) -> tuple[float, float]:
    """CPU seconds of all threads, and wall seconds, of `bertline ARGUMENTS`."""
    before, start = os.times(), time.perf_counter()
    command = [sys.executable, "-m", "pipelines.cli", *arguments]
    subprocess.run(command, check=True, capture_output=True)
    seconds, after = time.perf_counter() - start, os.times()
    cpu_seconds = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    return cpu_seconds, seconds


if __name__ == "__main__":
    main()
