"""What the int8 files must reach on the real SNIPS data: three seeds, two hours on 2 cores.

The runs share a folder with those of test_snips, and so what both fine-tune.
"""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.seeds import Pooled, pool, run_seeds
from bertline.evaluation.forward import forward
from bertline.evaluation.material import Split
from bertline.evaluation.predictors.keras import KerasPredictor
from bertline.evaluation.predictors.litert import LiteRtPredictor
from bertline.export.inspection import inspect
from bertline.features.answers import Meanings, differing_aspects
from bertline.features.tokenizer import Tokenizer
from bertline.modeling.config import ModelSpec
from tests.conftest import ROOT

pytestmark = [pytest.mark.real, pytest.mark.slow]

SEEDS = (1, 2, 3)
ROOT_FOLDER = ROOT / "runs" / "seeds"
AGREEMENT = "evaluate.agreement_examples=2000"
FREE = "export.formats=[litert_float32, litert_dynamic_int8, litert_int8, litert_int8_mixed]"


def pooled(recipe: str, shared: Path, *settings: str) -> dict[str, Pooled]:
    data = str(shared / "data" / "snips")
    files = pool(run_seeds(recipe, data, ROOT_FOLDER, SEEDS, (AGREEMENT, *settings)))
    return {file.name: file for file in files}


@pytest.fixture(scope="module")
def trained(shared: Path) -> dict[str, Pooled]:
    return pooled("snips-qat", shared)


@pytest.fixture(scope="module")
def free(shared: Path) -> dict[str, Pooled]:
    return pooled("snips", shared, FREE)


def check(file: Pooled, intent: float, slots: float, agreement: float) -> None:
    drop = file.drops["intent_accuracy"]
    assert drop.estimate <= intent, file.name
    assert drop.high <= 1.0, file.name
    assert file.drops["slot_f1"].estimate <= slots, file.name
    assert file.same["intent"] >= agreement, file.name


def test_files_without_training(free: dict[str, Pooled]) -> None:
    check(free["litert_dynamic_int8"], intent=0.3, slots=0.3, agreement=99)
    check(free["litert_int8_mixed"], intent=0.3, slots=1.0, agreement=98.5)


def test_files_of_quantization_aware_training(trained: dict[str, Pooled]) -> None:
    check(trained["litert_int8_mixed"], intent=0.3, slots=0.5, agreement=99)
    check(trained["openvino_int8"], intent=0.3, slots=0.5, agreement=99)
    check(trained["litert_integer"], intent=0.5, slots=1.0, agreement=98.5)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_integer_file_answers_as_the_rounded_network(
    trained: dict[str, Pooled], seed: int
) -> None:
    folder = sorted((ROOT_FOLDER / f"seed-{seed}" / "artifacts").glob("snips-qat-*"))[-1]
    model = folder / "quantize/quantized"
    file = folder / "export/exported/litert_integer.tflite"
    assert inspect(file).float_tensor_bytes == 0
    spec = ModelSpec.read(model)
    tokenizer = Tokenizer.from_vocab(model / "vocab.txt", spec.encoder.do_lower_case)
    meanings = Meanings(tokenizer, spec.labels, spec.answering)
    test = Split.read(folder / "ingest/examples", folder / "tokenize/features", "test")
    outputs = ("intent_logits", "slot_logits")
    answers = [
        test.kind.decode(
            test.items,
            test.features,
            forward(predictor, test.features, np.arange(len(test.features)), 32),
            meanings,
        )
        for predictor in (KerasPredictor(model), LiteRtPredictor(file, "integer", outputs))
    ]
    for aspect, least in (("intent", 0.99), ("slots", 0.95)):
        same = [aspect not in differing_aspects(*pair) for pair in zip(*answers, strict=True)]
        assert np.mean(same) >= least, aspect
