from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bertline.errors import ConfigError
from bertline.export.graph import SIGNATURE
from bertline.export.listing import Exports
from bertline.export.litert_int8 import write_int8
from bertline.export.ranges import measure_ranges
from bertline.export.sites import groups_of, is_among
from bertline.export.tensors import AllTensors
from bertline.export.tflite import read_content
from bertline.modeling.families.bert.sites import SITES

COMPUTES = ("FULLY_CONNECTED", "ADD")


@pytest.fixture(scope="module")
def doubling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that gives 2 · ids as float32 [1, length]."""

    class Doubling(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([1, None], tf.int32, "ids")])  # type: ignore[untyped-decorator]
        def __call__(self, ids: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"twice": 2.0 * tf.cast(ids, tf.float32)}

    folder = tmp_path_factory.mktemp("doubling")
    module = Doubling()
    signature = {SIGNATURE: module.__call__.get_concrete_function()}
    tf.saved_model.save(module, str(folder / "saved"), signatures=signature)
    path = folder / "doubling.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved")).convert())
    return path


def test_a_range_is_the_mean_of_the_texts_ranges(doubling: Path) -> None:
    samples = [{"ids": np.array([row], np.int32)} for row in ([-1, 4, 2], [-3, 10], [7, 1, -2])]
    tensors = read_content(doubling)
    (result,) = (tensors.tensors[number].name for number in tensors.outputs)
    assert measure_ranges(doubling, samples)[result] == (2 * -2, 2 * 7)


def test_all_tensors_are_those_of_the_last_call(doubling: Path) -> None:
    tensors = AllTensors(doubling)
    for row in ([1, 2, 3], [4, 5], [6, 7]):
        tensors.run({"ids": np.array([row], np.int32)})
        twice = tensors.value(tensors.content.outputs[0])
        assert twice.tolist() == [[2 * number for number in row]]


def types(path: Path, float_file: Path) -> dict[str, set[str]]:
    """Site → the types of what its dense layers and sums give in an int8 file."""
    names = read_content(float_file)
    known = {
        names.name(operator): site
        for operator, site in zip(names.operators, groups_of(names, SITES), strict=True)
        if operator.kind in COMPUTES
    }
    found: dict[str, set[str]] = {}
    for tensor in read_content(path).tensors:
        if tensor.name in known:
            found.setdefault(known[tensor.name], set()).add(tensor.dtype)
    return found


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("litert_int8", SITES.float_kinds),
        ("litert_int8_mixed", (*SITES.float_kinds, *SITES.outlier_kinds)),
    ],
)
def test_the_chosen_sites_alone_are_float(
    exported: Path, name: str, kinds: tuple[str, ...]
) -> None:
    found = types(exported / f"{name}.tflite", exported / "litert_float32.tflite")
    assert {"layer_0/output_sum", "layer_1/query_key_value", "embeddings"} <= found.keys()
    for site, kept in found.items():
        assert kept == ({"FLOAT32"} if is_among(site, kinds) else {"INT8"}), site
    (file,) = (file for file in Exports.read(exported).files if file.name == name)
    assert file.float_sites == kinds


def test_a_single_site_may_be_named(exported: Path, tmp_path: Path) -> None:
    source = exported / "litert_float32.tflite"
    samples = [
        dict.fromkeys(("input_ids", "input_mask", "segment_ids"), np.ones((1, size), np.int32))
        for size in (4, 9)
    ]
    ranges = measure_ranges(source, samples)
    path = tmp_path / "one.tflite"
    write_int8(source, path, ranges, (*SITES.float_kinds, "layer_1/output"), SITES)
    found = types(path, source)
    assert (found["layer_0/output"], found["layer_1/output"]) == ({"INT8"}, {"FLOAT32"})
    with pytest.raises(ConfigError, match="no site 'layer_7/output'; did you mean 'layer_"):
        write_int8(source, path, ranges, ("layer_7/output",), SITES)
    with pytest.raises(ConfigError, match="no site 'outputsum'; did you mean 'output_sum'"):
        write_int8(source, path, ranges, ("outputsum",), SITES)
