"""Outliers, and where two files part, on encoders that are made to have them."""

from pathlib import Path

import numpy as np
import pytest

from bertline.evaluation.divergence import first_divergence
from bertline.evaluation.outliers import tell_outliers
from bertline.export.graph import graph_of_network
from bertline.export.litert import LiteRtExporter
from bertline.export.outliers import channel_peaks
from bertline.features.batches import MODEL_INPUTS
from bertline.features.spec import TokenizerSpec
from bertline.features.tokenizer import Tokenizer
from bertline.modeling.families.bert.sites import SITES
from bertline.modeling.model import build_model
from tests.modeling.toys import batch_of, toy_spec
from tests.stages.toy_artifacts import write_vocab

CHANNEL = 5
SAMPLES = [batch_of([2, *words, 3], length=len(words) + 2) for words in ([8], [9, 4, 4], [7, 7])]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A network, and the same with another bias in block 1."""
    network = build_model(toy_spec(hidden_size=64))
    folder = tmp_path_factory.mktemp("files")
    (bias,) = (
        each
        for each in network.trainable_variables
        if each.path.endswith("layer_1/output/bias") and "attention" not in each.path
    )
    paths = []
    for name, value in (("usual", 0.5), ("outlier", 100.0)):
        values = np.full(bias.shape, 0.1, np.float32)
        values[CHANNEL] = value
        bias.assign(values)
        path = folder / f"{name}.tflite"
        scratch = folder / name
        scratch.mkdir()
        LiteRtExporter(graph_of_network(network), scratch).export("float32", path)
        paths.append(path)
    return paths[0], paths[1]


def test_outliers_are_found_where_they_are(files: tuple[Path, Path], tmp_path: Path) -> None:
    write_vocab(tmp_path / "vocab.txt")
    tokenizer = Tokenizer.from_vocab(tmp_path / "vocab.txt", TokenizerSpec())
    peaks = channel_peaks(files[1], SAMPLES, SITES)
    found = tell_outliers(peaks, SAMPLES, MODEL_INPUTS[0], tokenizer)
    by_site = {outlier.site: outlier for outlier in found if outlier.size > 50}
    assert by_site.keys() == {"layer_1/output", "layer_1/output_sum"}
    for outlier in by_site.values():
        assert outlier.channel == CHANNEL
        assert outlier.size == pytest.approx(100, abs=10)
        assert outlier.size > 1.5 * outlier.usual
        there = [sample["input_ids"][0][outlier.position :][:1] for sample in SAMPLES]
        assert tokenizer.vocabulary[outlier.token] in np.concatenate(there)


def test_files_part_where_they_differ(files: tuple[Path, Path]) -> None:
    found = first_divergence(*files, SAMPLES, SITES)
    assert found is not None
    assert found.site == "layer_1/output"
    assert found.difference > 1
    assert first_divergence(files[0], files[0], SAMPLES, SITES) is None
