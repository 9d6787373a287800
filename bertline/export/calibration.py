"""The inputs that ranges of int8 are taken from."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertline.export.graph import Graph
from bertline.export.openvino import Sample
from bertline.features.batches import FeatureSet, pad_batch


def chosen_rows(total: int, count: int, seed: int) -> list[int]:
    """`count` of the rows 0 … total - 1, or all if these are fewer, drawn by `seed`."""
    rows = np.random.default_rng(seed).choice(total, min(count, total), replace=False)
    return [int(row) for row in rows]


def samples_of(
    graph: Graph, features: FeatureSet, rows: Iterable[int] | NDArray[Any]
) -> list[Sample]:
    """Each of the examples `rows` as inputs of the graph, alone and without padding.

    Padding's activations are larger than those of any token and would widen every range; it is
    there only where the graph's length is fixed.
    """
    fed_by = graph.fed_by()
    return [_sample(graph, fed_by, features, int(row)) for row in rows]


def _sample(graph: Graph, fed_by: dict[str, str], features: FeatureSet, row: int) -> Sample:
    length = fixed_length(graph) or int(features.lengths[row])
    batch = pad_batch(features, [row], fed_by.values(), length)
    return {
        name: np.asarray(batch[kind], graph.inputs[name].dtype.as_numpy_dtype)
        for name, kind in fed_by.items()
    }


def fixed_length(graph: Graph) -> int | None:
    """The length of texts in tokens that the graph is fixed to, if it is."""
    lengths = {spec.shape[1] for spec in graph.inputs.values() if spec.shape.rank == 2}
    return max((length for length in lengths if length), default=None)
