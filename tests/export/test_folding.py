"""Outlier channels that are folded, on an encoder that is made to have one."""

from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from bertline.evaluation.divergence import first_divergence
from bertline.evaluation.predictors.litert import LiteRtPredictor
from bertline.export.exporter import Exporter
from bertline.export.folding import folded_graph
from bertline.export.graph import graph_of_network
from bertline.export.outliers import Peaks, channel_peaks, folding_scales
from bertline.export.sites import groups_of
from bertline.export.tensors import AllTensors
from bertline.export.tflite import read_content
from bertline.modeling.families.bert.sites import SITES
from bertline.modeling.model import build_model
from bertline.modeling.weights import Tensors, tensors_of
from tests.modeling.toys import batch_of, toy_spec

SPEC = toy_spec(hidden_size=64, intermediate_size=64, initializer_range=0.1, num_hidden_layers=1)
CHANNEL = 5
BIAS, SUM = "encoder/layer_0/output/bias", "layer_0/output_sum"
SAMPLES = [batch_of([2, *words, 3], length=len(words) + 2) for words in ([8], [9, 4, 4], [7, 7])]
OUTPUTS = ("intent_logits", "slot_logits")


def peaks_of(*sizes: float) -> Peaks:
    nowhere = np.zeros(len(sizes), np.int64)
    return Peaks(np.array(sizes, np.float32), nowhere, nowhere)


def test_scales_bring_outliers_to_the_usual_size() -> None:
    usual = [1.0] * 196
    peaks = {
        # 98 % of 200 channels stay within 1: 1.4 is no outlier, 1.6, 4 and 30 are.
        "layer_0/output_sum": peaks_of(*usual, 1.4, 1.6, 4.0, 30.0),
        "layer_0/attention_sum": peaks_of(*usual, 1.0, 1.0, 1.0, 1.0),
        "layer_0/output": peaks_of(*usual, 1.4, 1.6, 9.0, 30.0),
    }
    scales = folding_scales(peaks, SITES.branches)
    assert scales.keys() == {"layer_0/output_sum"}
    # The branch reaches further than the sum in the last but one: 9 is within 16 times 1.
    assert scales["layer_0/output_sum"].tolist() == [*usual, 1.0, 2.0, 16.0, 32.0]


@pytest.fixture(scope="module")
def weights() -> Tensors:
    keras.utils.set_random_seed(0)
    found = tensors_of(build_model(SPEC).trainable_variables)
    found[BIAS] = found[BIAS].copy()
    found[BIAS][CHANNEL] = 100.0
    return found


def exporter_of(weights: Tensors, scratch: Path, folds: bool) -> Exporter:
    network = build_model(SPEC)
    for variable in network.trainable_variables:
        variable.assign(weights[variable.path])
    scratch.mkdir()
    return Exporter(
        graph_of_network(network),
        SAMPLES,
        scratch,
        fold=(lambda scales: folded_graph(SPEC, weights, scales)) if folds else None,
    )


def usual_channels(path: Path) -> NDArray[np.float32]:
    """The sum of the first sample without its outlier, as a file computes it."""
    tensors = AllTensors(path)
    tensors.run(SAMPLES[0])
    found = zip(tensors.content.operators, groups_of(tensors.content, SITES), strict=True)
    numbers = [o.outputs[0] for o, site in found if site == SUM and o.kind == "ADD"]
    return np.delete(tensors.value(numbers[-1]).reshape(-1, 64), CHANNEL, axis=1)


def test_the_others_are_rounded_finer_where_an_outlier_is_folded(
    weights: Tensors, tmp_path: Path
) -> None:
    errors = []
    for folds in (False, True):
        exporter = exporter_of(weights, tmp_path / str(folds), folds)
        exporter.export("litert_int8", tmp_path)
        expected = usual_channels(exporter.int8_source)
        errors.append(np.abs(usual_channels(tmp_path / "litert_int8.tflite") - expected).mean())
    assert errors[1] < errors[0] / 4


def test_a_folded_file_computes_the_same(weights: Tensors, tmp_path: Path) -> None:
    exporter = exporter_of(weights, tmp_path / "folding", folds=True)
    exporter.export("litert_float32", tmp_path)
    paths = tmp_path / "litert_float32.tflite", exporter.int8_source
    plain, folded = (LiteRtPredictor(path, path.stem, OUTPUTS) for path in paths)
    for sample in SAMPLES:
        expected, found = plain(sample), folded(sample)
        for name in OUTPUTS:
            np.testing.assert_allclose(found[name], expected[name], atol=1e-4)
    # The sums differ; they are no place where files part.
    assert first_divergence(*paths, SAMPLES, SITES, threshold=1e-4) is None


def test_a_folded_file_has_no_outlier_left(weights: Tensors, tmp_path: Path) -> None:
    exporter = exporter_of(weights, tmp_path / "folding", folds=True)
    exporter.export("litert_float32", tmp_path)
    before = channel_peaks(tmp_path / "litert_float32.tflite", SAMPLES, SITES)[SUM]
    after = channel_peaks(exporter.int8_source, SAMPLES, SITES)[SUM]
    assert before.outliers()[0] == CHANNEL
    assert CHANNEL not in after.outliers()
    # Two products a sum that was folded; the third, of the branch, is in the weights.
    content = read_content(exporter.int8_source)
    sites = dict.fromkeys(groups_of(content, SITES), 0)
    for site in groups_of(content, SITES):
        sites[site] += 1
    assert sites["layer_0/fold"] == 2
