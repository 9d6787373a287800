"""What the exported graphs are made of: names, open sizes, and the fusions that make them fast."""

from collections import Counter
from pathlib import Path
from typing import Any

import openvino as ov
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from bertline.errors import ConfigError
from bertline.export.graph import graph_of_network
from bertline.export.listing import FORMATS
from bertline.export.openvino_core import core
from bertline.features.batches import MODEL_INPUTS
from bertline.modeling.model import build_encoder
from tests.export import openvino_runs
from tests.export.conftest import SPEC
from tests.limited import LIMITS, call

LAYERS = SPEC.encoder.num_hidden_layers
OPENVINO = ["openvino_fp32", "openvino_fp16", "openvino_int8"]
LITERT = ["litert_float32", "litert_float16", "litert_dynamic_int8"]


def test_networks_of_another_backend_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(ConfigError, match="^KERAS_BACKEND=jax: .*; leave it unset$"):
        graph_of_network(build_encoder(SPEC.encoder, ["pooled"]))


@pytest.fixture(scope="module")
def signature(exported: Path) -> Any:
    """The loaded SavedModel's signature, and the model, which must live as long."""
    loaded = tf.saved_model.load(str(exported / "saved_model"))
    return loaded.signatures["serving_default"], loaded


def test_the_saved_model_has_named_inputs_of_any_size(signature: Any) -> None:
    function, _ = signature
    specs = function.structured_input_signature[1]
    assert specs.keys() == set(MODEL_INPUTS)
    for spec in specs.values():
        assert (spec.dtype, spec.shape.as_list()) == (tf.int32, [None, None])
    outputs = function.structured_outputs
    assert {name: spec.shape.as_list() for name, spec in outputs.items()} == {
        "intent_logits": [None, 2],
        "slot_logits": [None, None, 3],
    }


def test_the_saved_model_has_no_dropout(signature: Any) -> None:
    function, _ = signature
    graph = function.graph.as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    operations = {node.op for node in nodes}
    assert "MatMul" in operations
    assert not [name for name in operations if "Random" in name]


def test_weights_are_stored_once(exported: Path, model: Path) -> None:
    weights = (model / "weights.safetensors").stat().st_size
    variables = sum(file.stat().st_size for file in (exported / "saved_model/variables").iterdir())
    assert variables < 1.1 * weights
    sizes = {name: (exported / f"{name}.tflite").stat().st_size for name in LITERT}
    # Some 40 kB are the graph.
    assert weights < sizes["litert_float32"] < weights + 45_000
    assert sizes["litert_dynamic_int8"] < sizes["litert_float16"] < sizes["litert_float32"]


@pytest.mark.parametrize("name", OPENVINO)
def test_openvino_has_named_inputs_of_any_size(exported: Path, name: str) -> None:
    model = core().read_model(exported / FORMATS[name].path)
    assert {port.any_name for port in model.inputs} == set(MODEL_INPUTS)
    for port in model.inputs:
        assert port.element_type == ov.Type.i32
        assert port.partial_shape == ov.PartialShape([-1, -1])
    shapes = {name: port.partial_shape for port in model.outputs for name in port.names}
    assert shapes["intent_logits"] == ov.PartialShape([-1, 2])
    assert shapes["slot_logits"] == ov.PartialShape([-1, -1, 3])


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("name", OPENVINO)
def test_openvino_fuses_normalization_gelu_and_attention(
    exported: Path, name: str, limit: str | None
) -> None:
    layers = Counter(call(limit, openvino_runs.layers, str(exported / FORMATS[name].path)))
    assert layers["MVN"] == 1 + 2 * LAYERS
    # Left of normalization and GELU there would be more than the sums of embeddings and residuals;
    # quantization brings a scale for the inputs of attention's and feed-forward's products.
    scales = 3 * LAYERS if name == "openvino_int8" else 0
    assert layers["Eltwise"] <= 2 + 2 * LAYERS + scales
    # All but that of the embeddings are part of another layer.
    assert layers["FakeQuantize"] <= 1
    assert not layers.keys() & {"Math", "Gelu", "Erf", "Reduce", "Power", "Divide", "Reference"}
    # Query, key, value, output, two of feed-forward; pooler and heads.
    assert layers["FullyConnected"] == 6 * LAYERS + 3
    # Of float factors alone, which is why attention stays float in int8 files: with int8 ones there
    # would be a product, a masked scale and a softmax of each layer where there is no AVX-512.
    assert layers["Subgraph"] + layers["ScaledDotProductAttention"] == LAYERS
    assert not layers.keys() & {"Softmax", "MatMul"}


def operations(path: Path, length: int) -> Counter[str]:
    """The operations of a LiteRT file at this length, and "DELEGATE" for each XNNPACK partition."""
    interpreter = Interpreter(str(path))
    for tensor in interpreter.get_input_details():
        interpreter.resize_tensor_input(tensor["index"], [1, length])
    interpreter.allocate_tensors()
    return Counter(operation["op_name"] for operation in interpreter._get_ops_details())


@pytest.mark.parametrize("name", LITERT)
def test_litert_files_hold_builtin_operations_in_few_partitions(exported: Path, name: str) -> None:
    found = operations(exported / FORMATS[name].path, length=16)
    assert not [kind for kind in found if "FLEX" in kind.upper() or "CUSTOM" in kind.upper()]
    assert 1 <= found["DELEGATE"] <= 3
    assert found["GELU"] == LAYERS
    assert found["FULLY_CONNECTED"] == 6 * LAYERS + 3


@pytest.mark.parametrize("name", LITERT)
def test_litert_has_named_inputs(exported: Path, name: str) -> None:
    interpreter = Interpreter(str(exported / FORMATS[name].path))
    signature = interpreter.get_signature_list()["serving_default"]
    assert set(signature["inputs"]) == set(MODEL_INPUTS)
    assert set(signature["outputs"]) == {"intent_logits", "slot_logits"}
    for tensor in interpreter.get_input_details():
        assert tensor["dtype"].__name__ == "int32"
        assert tensor["shape_signature"].tolist() == [1, -1]
