"""Peak memory of stages by the number of utterances, each in a process of its own.

    python -m benchmarks.memory --counts 10000 100000 1000000

The utterances are those of the samples again and again, with other ids. Measured are `ingest` of
that many in SNIPS layout, which holds all examples to find those that are in two splits, and
`tokenize`, which holds a batch.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bertline.artifacts import new_artifact, read_manifest, write_json
from bertline.usage import Cost, Usage

SAMPLES = Path("samples/snips/2017-06-custom-intent-engines")


def main() -> None:
    """Prints peak memory, CPU seconds and wall seconds of each stage at each count."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    options = parser.parse_args()
    print(f"{'stage':<10}{'utterances':>12}{'peak MB':>10}{'CPU s':>9}{'wall s':>9}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        execute("import_checkpoint", {}, folder / "encoder")
        execute("ingest", {"source": [str(SAMPLES)]}, folder / "examples")
        for count in options.counts:
            source = write_snips(folder / f"snips-{count}", count)
            show("ingest", count, execute("ingest", {"source": [str(source)]}, folder / "large"))
            examples = repeated(folder / "examples", folder / f"examples-{count}", count)
            paths = [f"examples={examples}", f"encoder={folder / 'encoder'}"]
            show("tokenize", count, execute("tokenize", {}, folder / "features", *paths))


def show(stage: str, count: int, cost: Cost) -> None:
    """Prints one line of the table."""
    cpu_seconds = cost.user_seconds + cost.system_seconds
    print(
        f"{stage:<10}{count:>12,}{cost.peak_memory_bytes / 1e6:>10,.0f}{cpu_seconds:>9.1f}"
        f"{cost.seconds:>9.1f}",
        flush=True,
    )


def execute(stage: str, settings: dict[str, Any], output: Path, *inputs: str) -> Cost:
    """What `stage` cost, run in a new process; inputs: "name=path"."""
    name = {"import_checkpoint": "encoder", "ingest": "examples", "tokenize": "features"}[stage]
    command = [sys.executable, "-m", "bertline.stages.execute", stage, json.dumps(settings)]
    subprocess.run([*command, f"{name}={output}", *inputs], check=True, capture_output=True)
    return Usage.read(output).stages[stage]


def repeated(source: Path, target: Path, count: int) -> Path:
    """An examples artifact of `count` examples, nine in ten for training, made of another's."""
    about = read_manifest(source, "examples").about
    counts = {"train": count - 2 * (count // 20), "dev": count // 20, "test": count // 20}
    with new_artifact(target, "examples", {**about, "counts": counts}) as folder:
        for split, number in counts.items():
            with (folder / f"{split}.jsonl").open("w", encoding="utf-8") as stream:
                for index, example in enumerate(again(source / f"{split}.jsonl", number)):
                    example["id"] = f"{split}-{index}"
                    stream.write(f"{json.dumps(example)}\n")
    return target


def again(file: Path, count: int) -> Iterator[dict[str, Any]]:
    """`count` of the JSON lines of a file, from its start again and again."""
    lines = file.read_text(encoding="utf-8").splitlines()
    for line in itertools.islice(itertools.cycle(lines), count):
        yield json.loads(line)


def write_snips(target: Path, count: int) -> Path:
    """A folder in SNIPS layout with about `count` training utterances, made of the samples'."""
    per_intent = count // len(list(SAMPLES.iterdir()))
    for folder in sorted(SAMPLES.iterdir()):
        intent = folder.name
        (target / intent).mkdir(parents=True)
        for name in (f"train_{intent}_full.json", f"validate_{intent}.json"):
            content = json.loads((folder / name).read_text(encoding="utf-8"))
            if name.startswith("train"):
                some = itertools.islice(itertools.cycle(content[intent]), per_intent)
                content[intent] = [numbered(each, index) for index, each in enumerate(some)]
            write_json(target / intent / name, content)
    return target


def numbered(utterance: dict[str, Any], number: int) -> dict[str, Any]:
    """The utterance with a number after it, so that each is another."""
    return {**utterance, "data": [*utterance["data"], {"text": f" {number}"}]}


if __name__ == "__main__":
    main()
