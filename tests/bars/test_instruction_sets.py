"""What files must reach on the real SNIPS data with AVX2 alone.

What test_snips and test_quantized train and export is taken from their folder; only the evaluation
runs anew. LiteRT obeys no limit; its int8 kernels compute the same without VNNI
(docs/decisions/0014).
"""

from pathlib import Path

import pytest

from benchmarks.seeds import Pooled, pool, run_seeds
from bertline.evaluation.results import Results
from bertline.export.instruction_sets import find_instruction_set
from tests.bars.test_quantized import AGREEMENT, ROOT_FOLDER, SEEDS, TRAINED, check

pytestmark = [pytest.mark.real, pytest.mark.slow]

LIMIT = "evaluate.instructions=AVX2"


def limited(recipe: str, shared: Path, *settings: str) -> dict[str, Pooled]:
    data = str(shared / "data" / "snips")
    reports = run_seeds(recipe, data, ROOT_FOLDER, SEEDS, (AGREEMENT, LIMIT, *settings))
    for file in Results.read(reports[0]).files:
        expected = find_instruction_set("litert").name if file.runtime == "litert" else "AVX2"
        assert file.instruction_set == expected
    return {file.name: file for file in pool(reports)}


def test_files_without_training(shared: Path) -> None:
    files = limited("snips", shared)
    for name in ("saved_model", "openvino_fp16", "openvino_int8"):
        check(files[name], intent=0.3, slots=0.5, agreement=99.5)
        assert files[name].same["slots"] >= 97.0, name


def test_files_of_quantization_aware_training(shared: Path) -> None:
    files = limited("snips-qat", shared, TRAINED)
    check(files["openvino_int8"], intent=0.3, slots=0.5, agreement=99)
