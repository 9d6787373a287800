"""A family that is added as a module and a row goes all the way, and nothing else is touched."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from bertline.evaluation.predictors.keras import KerasPredictor
from bertline.evaluation.predictors.litert import LiteRtPredictor
from bertline.export.calibration import samples_of
from bertline.export.inspection import inspect
from bertline.export.listing import FORMATS, ExportedFile
from bertline.export.outliers import channel_peaks, folding_scales
from bertline.export.quantized_exporter import QuantizedExporter
from bertline.export.ranges import trained_ranges
from bertline.export.sites import groups_of, is_among
from bertline.export.source import open_source
from bertline.export.tflite import read_content
from bertline.features.spec import InputSpec
from bertline.modeling.checkpoints.huggingface import write_checkpoint
from bertline.modeling.config import ModelSpec, QuantizationSpec
from bertline.modeling.families.lookup import family_of, read_encoder
from bertline.modeling.folder import read_ranges, write_model
from bertline.modeling.model import build_model
from bertline.modeling.weights import load_weights, tensors_of
from bertline.stages import import_checkpoint
from bertline.tables.families import FAMILIES
from bertline.training.ranges import LOG_SCALE, FoundSites
from bertline.training.settings import QuantizationSettings
from tests.modeling.families.toy_family import SITES, ToyConfig
from tests.modeling.toys import VOCABULARY, batch_of
from tests.stages.toy_artifacts import write_vocab
from tests.training.toys import toy_features

LENGTH = 16
CONFIG = ToyConfig(
    vocab_size=len(VOCABULARY),
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=48,
    max_position_embeddings=32,
    initializer_range=0.2,
    hidden_dropout_prob=0.0,
)
SPEC = ModelSpec(
    task="mrpc",
    head="classifier",
    encoder=CONFIG,
    labels={"classes": ["no", "yes"]},
    inputs=InputSpec(max_seq_length=LENGTH),
    quantization=QuantizationSpec(),
)
BATCH = batch_of([2, 9, 8, 12, 3, 5, 7, 11, 3], length=9)
NAMES = ("litert_float32", "litert_int8", "litert_int8_mixed", "litert_integer")


@pytest.fixture(scope="module", autouse=True)
def row() -> Iterator[None]:
    """The family's row in the table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FAMILIES, "toy", "tests.modeling.families.toy_family")
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with ranges that were found as training finds them."""
    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("toy")
    assert SPEC.quantization is not None
    places = SPEC.quantization.sites(CONFIG, SPEC.head)
    sites = FoundSites(places, QuantizationSettings(), rate=1.0)
    network = build_model(SPEC, sites=sites)
    weights = [each for each in network.trainable_variables if each.name != LOG_SCALE]
    for each in (v for v in weights if v.name in ("gamma", "beta")):
        each.assign(each + keras.random.normal(each.shape) / 5)
    sites.calibrating = True
    network(BATCH, training=False)
    sites.advance()
    assert sites.ranges().keys() == places.keys()
    write_vocab(folder / "vocab.txt")
    vocab, ranges = folder / "vocab.txt", sites.ranges()
    write_model(folder / "model", SPEC, tensors_of(weights), [], vocab, "toy", ranges=ranges)
    return folder / "model"


@pytest.fixture(scope="module")
def exported(model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExportedFile]:
    source = open_source(model)
    assert source.quantized is not None
    samples = samples_of(source.graph, toy_features([5, 9]), range(2))
    scratch, folder = tmp_path_factory.mktemp("scratch"), model.parent
    exporter = QuantizedExporter(
        source.graph, samples, scratch, model=source.quantized, litert_length=LENGTH
    )
    return {name: exporter.export(name, folder) for name in NAMES}


def path_of(model: Path, name: str) -> Path:
    return model.parent / FORMATS[name].path


def test_the_folder_says_its_family(model: Path) -> None:
    spec = ModelSpec.read(model)
    assert spec == SPEC
    assert isinstance(spec.encoder, ToyConfig)


def test_its_weights_have_the_shapes_that_the_family_tells(model: Path) -> None:
    weights = load_weights(model / "weights.safetensors")
    family = family_of(CONFIG)
    shapes = family.shapes(CONFIG) | family.head_shapes(CONFIG, 2)["classifier"]
    assert {path: value.shape for path, value in weights.items()} == shapes


def test_every_site_is_asked_for_and_has_a_range(model: Path) -> None:
    ranges = read_ranges(model, SPEC)
    assert {"layer_1/ffn_0_output_norm", "layer_1/output_norm", "label_dense/logits"} <= set(ranges)
    # No part of a layer normalization, which this family does not have.
    assert not [name for name in ranges if name.endswith("/variance")]


def test_files_show_both_feed_forward_networks(
    model: Path, exported: dict[str, ExportedFile]
) -> None:
    groups = set(groups_of(read_content(path_of(model, "litert_float32")), SITES))
    kinds = {
        *("projections", "scores", "softmax", "context", "attention_output", "attention_sum"),
        *("ffn_0_intermediate", "ffn_0_output", "ffn_0_output_sum"),
        *("intermediate", "output", "output_sum"),
    }
    expected = {f"layer_{i}/{kind}" for i in (0, 1) for kind in kinds}
    assert expected <= groups
    assert groups - expected <= {
        *("embeddings", "embeddings/norm", "mask", "head"),
        *(f"layer_{i}/{kind}" for i in (0, 1) for kind in SITES.block if kind.endswith("norm")),
    }


def test_the_usual_sites_of_the_family_are_float(
    model: Path, exported: dict[str, ExportedFile]
) -> None:
    assert exported["litert_int8"].float_sites == SITES.float_kinds
    assert exported["litert_int8_mixed"].float_sites == (
        *SITES.float_kinds,
        "ffn_0_output",
        "output",
    )
    names = read_content(path_of(model, "litert_float32"))
    groups = dict(zip(map(names.name, names.operators), groups_of(names, SITES), strict=True))
    computed = ("FULLY_CONNECTED", "ADD")
    dense = {names.name(each) for each in names.operators if each.kind in computed}
    for tensor in read_content(path_of(model, "litert_int8")).tensors:
        if tensor.name in dense:
            is_float = is_among(groups[tensor.name], SITES.float_kinds)
            assert tensor.dtype == ("FLOAT32" if is_float else "INT8"), tensor.name


def test_trained_ranges_are_those_of_the_results(
    model: Path, exported: dict[str, ExportedFile]
) -> None:
    ranges = read_ranges(model, SPEC)
    found = trained_ranges(path_of(model, "litert_float32"), ranges, SITES).values()
    for site in ("ffn_0_activation", "ffn_0_output_sum", "activation", "output_sum", "context"):
        assert ranges[f"layer_0/{site}"] in found


def test_the_integer_file_has_no_float_tensor_and_answers_as_the_network(
    model: Path, exported: dict[str, ExportedFile]
) -> None:
    path = path_of(model, "litert_integer")
    facts = inspect(path)
    assert facts.float_tensors == ()
    assert facts.integer_mac_share == 100
    # 2 blocks of 4 + 2 · 2 dense layers, and the head.
    assert facts.operators["FULLY_CONNECTED"] == 2 * 8 + 1
    batch = {name: np.pad(value, ((0, 0), (0, LENGTH - 9))) for name, value in BATCH.items()}
    expected = KerasPredictor(model)(batch)["label_logits"]
    found = LiteRtPredictor(path, "litert_integer", ["label_logits"])(batch)["label_logits"]
    low, high = read_ranges(model, SPEC)["label_dense/logits"]
    assert np.abs(found - expected).max() < 8 * (high - low) / 255


def test_inspection_counts_what_the_family_s_flops_say(
    model: Path, exported: dict[str, ExportedFile]
) -> None:
    facts = inspect(path_of(model, "litert_float32"), length=10)
    head = 2 * CONFIG.hidden_size
    assert 2 * (facts.macs - head) == family_of(CONFIG).flops(CONFIG, 10)


def test_outliers_are_looked_for_in_all_of_its_sums(
    model: Path, exported: dict[str, ExportedFile]
) -> None:
    peaks = channel_peaks(path_of(model, "litert_float32"), [BATCH], SITES)
    sums = ("attention_sum", "ffn_0_output_sum", "output_sum")
    assert {f"layer_{i}/{name}" for i in (0, 1) for name in sums} <= peaks.keys()
    peaks["layer_1/ffn_0_output_sum"].sizes[3] = 1e4
    scales = folding_scales(peaks, SITES.branches)
    assert scales["layer_1/ffn_0_output_sum"][3] > 1


def test_its_checkpoints_are_imported(model: Path, tmp_path: Path) -> None:
    weights = load_weights(model / "weights.safetensors")
    (tmp_path / "toy").mkdir()
    write_checkpoint(tmp_path / "toy", CONFIG, weights, model / "vocab.txt")
    settings = import_checkpoint.Settings(checkpoint=str(tmp_path / "toy"))
    import_checkpoint.run(settings, encoder=tmp_path / "encoder")
    assert read_encoder(tmp_path / "encoder") == CONFIG
    found = load_weights(tmp_path / "encoder/weights.safetensors")
    assert found.keys() == family_of(CONFIG).shapes(CONFIG).keys()
    for path, value in found.items():
        np.testing.assert_array_equal(value, weights[path])
