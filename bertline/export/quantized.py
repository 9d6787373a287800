"""The integer-only LiteRT file of a model that was trained to be quantized."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from bertline.export.graph import Graph, Shape, graph_of_network
from bertline.export.litert import open_converter
from bertline.export.saved_model import export_saved_model
from bertline.modeling.config import ModelSpec
from bertline.modeling.fake_quant import fake_quantize_kernel
from bertline.modeling.model import build_model
from bertline.modeling.quantization import Ranges
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

    def graph(self) -> Graph:
        """The graph of the file: every site is rounded.

        Its kernels are rounded already: operations that round weights by channel are what LiteRT's
        converter cannot read. It rounds scales and shifts itself.
        """
        sites = FixedSites(self.ranges, _round, unchanged, _scale_and_shift)
        network = build_model(self.spec, sites=sites)
        assign(network.trainable_variables, self.weights, where="the quantized model")
        for variable in network.trainable_variables:
            if variable.name == "kernel":
                variable.assign(fake_quantize_kernel(variable.value))
        return graph_of_network(network)


def _round(x: Any, low: float, high: float) -> Any:
    return tf.quantization.fake_quant_with_min_max_args(x, low, high)


def _scale_and_shift(x: Any, gamma: Any, beta: Any) -> Any:
    # LiteRT rounds the factors of a convolution by channel and the shift in 32 bits; between a
    # product and a sum with constants it would round three times.
    size = gamma.shape[0]
    rows = tf.reshape(x, (1, -1, 1, size))
    factors = tf.reshape(gamma, (1, 1, size, 1))
    scaled = tf.nn.depthwise_conv2d(rows, factors, strides=(1, 1, 1, 1), padding="VALID")
    return tf.reshape(tf.nn.bias_add(scaled, beta), tf.shape(x))


def write_integer(graph: Graph, scratch: Path, shape: Shape, path: Path) -> None:
    """Writes the LiteRT file of a graph whose sites are all rounded; its outputs are int8.

    shape: batch and length are fixed.
    """
    export_saved_model(graph, scratch, shape)
    converter = open_converter(scratch)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_output_type = tf.int8
    path.write_bytes(converter.convert())
