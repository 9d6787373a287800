"""Files of a model that was trained to be quantized: its own ranges, no calibration."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import nncf
import numpy as np
import openvino as ov
import tensorflow as tf
from openvino._offline_transformations import compress_quantize_weights_transformation

from bertline.export.graph import Graph, Shape, graph_of_network
from bertline.export.litert import save_frozen
from bertline.modeling.config import ModelSpec
from bertline.modeling.fake_quant import fake_quantize_kernel
from bertline.modeling.model import build_model
from bertline.modeling.quantization import Ranges, Site
from bertline.modeling.sites import FixedSites, unchanged
from bertline.modeling.weights import Tensors, assign


@dataclass(frozen=True)
class QuantizedModel:
    """A model with the ranges of its sites, to be exported in integers.

    weights: by path, not rounded.
    """

    spec: ModelSpec
    weights: Tensors
    ranges: Ranges

    def litert_graph(self) -> Graph:
        """The graph of an integer LiteRT file: every site is rounded.

        Its kernels are rounded already: operations that round weights by channel are what LiteRT's
        converter cannot read. It rounds vectors itself.
        """
        return self._graph(self.ranges, weights=unchanged, rounded=True)

    def openvino_graph(self) -> Graph:
        """The graph of an OpenVINO file: what goes into matrix products is rounded, and weights."""
        places = self._sites()
        ranges = {n: r for n, r in self.ranges.items() if places[n].feeds_product}
        return self._graph(ranges, weights=_round_by_channel, rounded=False)

    def _sites(self) -> dict[str, Site]:
        assert self.spec.quantization is not None
        return self.spec.quantization.sites(self.spec.encoder.num_hidden_layers, self.spec.head)

    def _graph(self, ranges: Ranges, weights: Callable[[Any], Any], rounded: bool) -> Graph:
        network = build_model(self.spec, sites=FixedSites(ranges, _round, weights, unchanged))
        assign(network.trainable_variables, self.weights, where="the quantized model")
        if rounded:
            for variable in network.trainable_variables:
                if variable.name == "kernel":
                    variable.assign(fake_quantize_kernel(variable.value))
        return graph_of_network(network)


def _round(x: Any, low: float, high: float) -> Any:
    return tf.quantization.fake_quant_with_min_max_args(x, low, high)


def _round_by_channel(kernel: keras.Variable) -> Any:
    with tf.init_scope():
        reach = np.abs(np.asarray(kernel)).max(axis=0)
    return tf.quantization.fake_quant_with_min_max_vars_per_channel(
        kernel, -reach, reach, narrow_range=True
    )


def write_integer(graph: Graph, scratch: Path, shape: Shape, path: Path) -> None:
    """Writes the LiteRT file of a graph whose sites are all rounded; its outputs are int8.

    shape: batch and length are fixed.
    """
    save_frozen(graph, str(scratch), shape)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(scratch))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_output_type = tf.int8
    path.write_bytes(converter.convert())


def with_int8_weights(model: ov.Model) -> ov.Model:
    """The model with all weights stored in 8 bits, tables of embeddings rounded by row."""
    compress_quantize_weights_transformation(model)
    return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM)
