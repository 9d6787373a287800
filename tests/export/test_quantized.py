"""The integer forms of a toy that was calibrated, against its fake-quantized network."""

from collections import Counter
from pathlib import Path
from typing import Any

import keras
import numpy as np
import openvino as ov
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from keras import ops
from numpy.typing import NDArray

from bertline.artifacts import write_json
from bertline.errors import CheckpointError
from bertline.evaluation.predictors import Logits
from bertline.evaluation.predictors.keras import KerasPredictor
from bertline.evaluation.predictors.litert import LiteRtPredictor
from bertline.export.calibration import samples_of
from bertline.export.inspection import inspect
from bertline.export.instruction_sets import openvino_properties
from bertline.export.listing import FORMATS, ExportedFile
from bertline.export.openvino_core import core
from bertline.export.quantized_exporter import QuantizedExporter
from bertline.export.ranges import trained_ranges
from bertline.export.source import open_source
from bertline.export.tflite import read_content
from bertline.modeling.config import ModelSpec, QuantizationSpec
from bertline.modeling.families.bert.sites import SITES
from bertline.modeling.folder import RANGES_FILE, read_ranges, write_model
from bertline.modeling.model import build_model
from bertline.modeling.sites import FixedSites
from bertline.modeling.weights import assign, load_weights, tensors_of
from bertline.training.losses import OBJECTIVES
from bertline.training.networks import weights_of
from bertline.training.quantized import calibrate, quantized_network
from bertline.training.settings import FitSettings, QuantizationSettings
from tests.export import openvino_runs
from tests.limited import LIMITS, call
from tests.modeling.toys import batch_of, toy_spec
from tests.stages.toy_artifacts import write_vocab
from tests.training.toys import toy_features

LENGTH = 16
SPEC = toy_spec(
    hidden_size=32, intermediate_size=64, initializer_range=0.3, num_hidden_layers=1
).model_copy(update={"quantization": QuantizationSpec()})
OUTPUTS = ("intent_logits", "slot_logits")
INTEGER = ("litert_int8", "litert_int8_mixed", "litert_integer")
BATCH = batch_of([2, 9, 8, 12, 3, 5, 7, 11, 3], length=12)
WORDS = 9
FEW = 8
"""Steps that logits may be apart: a value rounded to the other of two levels moves all after it."""


def write_quantized(folder: Path, spec: ModelSpec) -> Path:
    """A model folder with ranges, below `folder`."""
    keras.utils.set_random_seed(0)
    settings = FitSettings(batch_size=16, precision="float32")
    network, sites = quantized_network(spec, settings, QuantizationSettings(calibration_batches=1))
    for norm in (v for v in weights_of(network) if v.name in ("gamma", "beta")):
        norm.assign(norm + tf.random.normal(norm.shape) / 5)
    # Calibration reads no targets but those of the toy features.
    calibrate(network, sites, toy_features([WORDS] * 16), OBJECTIVES["intent_slots"], settings)
    write_vocab(folder / "vocab.txt")
    weights, vocab = tensors_of(weights_of(network)), folder / "vocab.txt"
    write_model(folder / "model", spec, weights, [], vocab, "toy", ranges=sites.ranges())
    return folder / "model"


def exporter_of(model: Path, scratch: Path) -> QuantizedExporter:
    source = open_source(model)
    assert source.quantized is not None
    samples = samples_of(source.graph, toy_features([5, 9]), range(2))
    return QuantizedExporter(
        source.graph,
        samples,
        scratch,
        float_sites=("output_sum",),
        model=source.quantized,
        litert_length=LENGTH,
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_quantized(tmp_path_factory.mktemp("quantized"), SPEC)


@pytest.fixture(scope="module")
def exported(model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExportedFile]:
    """The integer forms in `folder_of(model)`, by name."""
    exporter = exporter_of(model, tmp_path_factory.mktemp("scratch"))
    folder = folder_of(model)
    folder.mkdir()
    names = (*INTEGER, "litert_float32", "openvino_int8")
    return {name: exporter.export(name, folder) for name in names}


def folder_of(model: Path) -> Path:
    return model.parent / "exported"


def operations(path: Path) -> Counter[str]:
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    return Counter(operation["op_name"] for operation in interpreter._get_ops_details())


def tensors(path: Path) -> list[Any]:
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    details: list[Any] = interpreter.get_tensor_details()
    return details


def rows(logits: Logits) -> dict[str, NDArray[np.float32]]:
    """The logits without those of padding."""
    return {
        name: values[:, :WORDS] if values.ndim == 3 else values for name, values in logits.items()
    }


def path_of(model: Path, name: str) -> Path:
    return folder_of(model) / FORMATS[name].path


def test_the_integer_file_has_no_float_tensor(
    model: Path, exported: dict[str, ExportedFile]
) -> None:
    floats = [t["name"] for t in tensors(path_of(model, "litert_integer")) if t["dtype"] in FLOATS]
    assert floats == []
    file = exported["litert_integer"]
    assert [(each.dtype, each.shape) for each in file.inputs] == [("int32", (1, LENGTH))] * 3
    assert [(each.dtype, each.shape) for each in file.outputs] == [
        ("int8", (1, 2)),
        ("int8", (1, LENGTH, 3)),
    ]


FLOATS = (np.float32, np.float16, np.float64)


@pytest.mark.parametrize(
    ("head", "labels", "hidden_act"),
    [("answer_span", {}, "gelu_tanh"), ("classifier", {"classes": ["a", "b"]}, "relu")],
)
def test_other_heads_and_activations_are_in_integers_alone_too(
    head: str, labels: dict[str, list[str]], hidden_act: str, tmp_path: Path
) -> None:
    encoder = SPEC.encoder.model_copy(update={"hidden_act": hidden_act})
    spec = SPEC.model_copy(update={"head": head, "labels": labels, "encoder": encoder})
    model = write_quantized(tmp_path, spec)
    file = exporter_of(model, tmp_path / "scratch").export("litert_integer", tmp_path)
    outputs = tuple(output.name for output in file.outputs)
    expected = KerasPredictor(model)(BATCH)
    found = LiteRtPredictor(tmp_path / file.path, file.name, outputs)(BATCH)
    assert inspect(tmp_path / file.path).float_tensor_bytes == 0
    ranges = read_ranges(model, spec)
    (bounds,) = (ranges[name] for name in ranges if name.endswith("_dense/logits"))
    for name, values in expected.items():
        near = np.abs(found[name] - values)[:, :WORDS]
        assert near.max() < FEW * (bounds[1] - bounds[0]) / 255


@pytest.mark.parametrize("name", INTEGER)
def test_litert_files_hold_builtin_operations(
    model: Path, exported: dict[str, ExportedFile], name: str
) -> None:
    found = operations(path_of(model, name))
    assert not [kind for kind in found if "FLEX" in kind.upper() or "CUSTOM" in kind.upper()]
    assert found["FULLY_CONNECTED"] == 9
    assert found["GELU"] == 1
    assert found["DEPTHWISE_CONV_2D"] == (3 if name == "litert_integer" else 0)


@pytest.mark.parametrize("name", INTEGER)
def test_weights_are_integers(model: Path, exported: dict[str, ExportedFile], name: str) -> None:
    by_number = {t["index"]: t for t in tensors(path_of(model, name))}
    interpreter = Interpreter(str(path_of(model, name)))
    kinds = ("FULLY_CONNECTED", "GATHER")
    for operation in interpreter._get_ops_details():
        if operation["op_name"] in kinds and "litert_integer" in name:
            types = {by_number[n]["dtype"] for n in operation["inputs"] if n >= 0}
            assert types <= {np.int8, np.int32}
        elif operation["op_name"] == "FULLY_CONNECTED":
            assert by_number[operation["inputs"][1]]["dtype"] == np.int8


def test_an_integer_file_is_the_fake_quantized_network(
    model: Path, exported: dict[str, ExportedFile]
) -> None:
    expected = rows(KerasPredictor(model)(BATCH))
    ranges = read_ranges(model, SPEC)
    file = LiteRtPredictor(path_of(model, "litert_integer"), "litert_integer", OUTPUTS)
    found = rows(file(BATCH))
    for name, values in expected.items():
        low, high = ranges[f"{name.removesuffix('_logits')}_dense/logits"]
        assert np.abs(found[name] - values).max() < FEW * (high - low) / 255


def test_files_with_float_outputs_have_the_trained_ranges_too(
    model: Path, exported: dict[str, ExportedFile]
) -> None:
    ranges = read_ranges(model, SPEC)
    tensors_of_sites = trained_ranges(path_of(model, "litert_float32"), ranges, SITES)
    sites = {
        *("embeddings/sum", "embeddings/norm"),
        *(f"layer_0/{name}" for name in ("query", "key", "value", "context", "attention_output")),
        *(f"layer_0/{name}" for name in ("attention_sum", "attention_norm", "intermediate")),
        *(f"layer_0/{name}" for name in ("activation", "output", "output_sum", "output_norm")),
    }
    assert {ranges[site] for site in sites} <= set(tensors_of_sites.values())
    by_name = {each.name: each for each in read_content(path_of(model, "litert_int8")).tensors}
    integers = {name for name in tensors_of_sites if by_name[name].dtype == "INT8"}
    assert len(integers) > 5
    for name in integers:
        low, high = tensors_of_sites[name]
        assert by_name[name].scale == pytest.approx((high - low) / 255, rel=1e-5)


def test_openvino_multiplies_in_integers(model: Path, exported: dict[str, ExportedFile]) -> None:
    compiled = core().compile_model(path_of(model, "openvino_int8"), "CPU", openvino_properties())
    types = [
        (op.get_rt_info()["layerType"].value, op.get_rt_info()["runtimePrecision"].value)
        for op in compiled.get_runtime_model().get_ops()
    ]
    dense = [precision for kind, precision in types if kind == "FullyConnected"]
    assert len(dense) == 9
    assert set(dense) <= {"u8", "i8"}


def test_openvino_s_weights_are_stored_in_integers(
    model: Path, exported: dict[str, ExportedFile]
) -> None:
    matrices = [
        node
        for node in core().read_model(path_of(model, "openvino_int8")).get_ops()
        if node.get_type_name() == "Constant" and len(node.shape) == 2 and min(node.shape) > 1
    ]
    integers = [node for node in matrices if node.get_element_type() in (ov.Type.i8, ov.Type.u8)]
    config = SPEC.encoder
    words, positions = (config.vocab_size, 32), (config.max_position_embeddings, 32)
    assert {words, positions} <= {tuple(node.shape) for node in integers}
    assert len(integers) == 9 + 2


ROUNDED_FOR_PRODUCTS = (
    *("embeddings/norm", "encoder/pooled", "layer_0/context"),
    *("layer_0/attention_norm", "layer_0/activation", "layer_0/output_norm"),
)


def test_openvino_has_the_trained_ranges(model: Path, exported: dict[str, ExportedFile]) -> None:
    found = set()
    for node in core().read_model(path_of(model, "openvino_int8")).get_ops():
        sources = [node.input_value(i).get_node() for i in range(node.get_input_size())]
        kinds = [source.get_type_name() for source in sources]
        if node.get_type_name() == "FakeQuantize" and kinds[0] not in ("Constant", "Convert"):
            bounds = [float(source.data) for source in sources[1:]]
            assert bounds[:2] == bounds[2:]
            found.add(tuple(bounds[:2]))
    ranges = read_ranges(model, SPEC)
    assert found == {ranges[site] for site in ROUNDED_FOR_PRODUCTS}


def stored(kernel: Any) -> Any:
    """The weights [inputs, units] as OpenVINO's file has them: see export.openvino_weights."""
    sums = ops.abs(kernel[0::2] + kernel[1::2])
    step = ops.max(ops.concatenate([ops.abs(kernel), sums]), axis=0) / 127
    return ops.round(kernel / step) * step


@pytest.mark.parametrize("limit", LIMITS)
def test_openvino_computes_what_the_network_does_rounded_before_products(
    model: Path, exported: dict[str, ExportedFile], limit: str | None
) -> None:
    ranges = read_ranges(model, SPEC)
    rounded = {site: ranges[site] for site in ROUNDED_FOR_PRODUCTS}
    sites = FixedSites(rounded, weights=stored)
    network = build_model(SPEC, sites=sites)
    assign(network.trainable_variables, load_weights(model / "weights.safetensors"), where="")
    expected = rows({name: value.numpy() for name, value in network(BATCH).items()})
    batch = {name: values.tolist() for name, values in BATCH.items()}
    logits = call(limit, openvino_runs.logits, str(path_of(model, "openvino_int8")), OUTPUTS, batch)
    found = rows({name: np.array(values, np.float32) for name, values in logits.items()})
    for name, values in expected.items():
        low, high = ranges[f"{name.removesuffix('_logits')}_dense/logits"]
        assert np.abs(found[name] - values).max() < FEW * (high - low) / 255


def test_a_site_without_range_is_an_error(model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "model"
    broken.mkdir()
    for file in model.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    write_json(broken / RANGES_FILE, {"encoder/mask": [-100, 0]})
    with pytest.raises(CheckpointError, match=r"no range of the site '.*'; quantize again$"):
        open_source(broken)
