"""What the line must reach on the real IMDB data: about 40 minutes on 2 cores.

The run is kept in runs/seeds and taken up again, so that a second call is quick.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.seeds import Pooled, pool, run_seeds
from tests.conftest import ROOT

pytestmark = [pytest.mark.real, pytest.mark.slow]

SEEDS_ROOT = ROOT / "runs" / "seeds"
SENTENCES = {
    "That movie was absolutely awful": "Negative",
    "The acting was a bit lacking": "Negative",
    "The film was creative and surprising": "Positive",
    "Absolutely fantastic!": "Positive",
}


@pytest.fixture(scope="module")
def imdb(shared: Path) -> list[Pooled]:
    data = str(shared / "data" / "imdb" / "aclImdb_v1.tar.gz")
    return pool(run_seeds("imdb", data, SEEDS_ROOT, [1], ["finetune.learning_rate=5e-5"]))


def test_reviews_are_classified(imdb: list[Pooled]) -> None:
    by_name = {file.name: file for file in imdb}
    assert imdb[0].metrics["accuracy"] >= 84.4
    for name in ("litert_dynamic_int8", "openvino_int8"):
        assert by_name[name].drops["accuracy"].estimate <= 0.5, name


@pytest.mark.parametrize("name", ["openvino_int8", "litert_dynamic_int8", "saved_model"])
def test_four_sentences_come_out_right(imdb: list[Pooled], name: str) -> None:
    folder = SEEDS_ROOT / "imdb-1" / "registry" / "imdb"
    version = (folder / "latest").read_text().strip()
    command = [sys.executable, "-m", "pipelines.cli", "predict", "--model"]
    ended = subprocess.run(
        [*command, str(folder / version / name), *SENTENCES],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answers = [line.split() for line in ended.stdout.splitlines() if line.startswith("  ")]
    assert [words[0] for words in answers] == list(SENTENCES.values())
    for words in answers:
        assert "(Negative" in words
        assert "Positive" in words[2:]
