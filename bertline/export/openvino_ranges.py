"""Ranges of training in an OpenVINO model that NNCF has quantized."""

import re

import numpy as np
import openvino as ov
from openvino import opset13 as opset

from bertline.modeling.quantization import Ranges

BLOCK = re.compile(r"layer_(\d+)")
KINDS = (
    (r"attention\w*/(query|key|value)", r"\1"),
    (r"attention\w*/MatMul", "context"),
    (r"(attention_norm|output_norm)", r"\1"),
    (r"layer_\w+/[^/]+$", "activation"),
)
"""What the name of an operation of a block holds → the site that its result is."""


def set_ranges(model: ov.Model, ranges: Ranges) -> None:
    """Gives the activations that are rounded the ranges of their sites; others keep theirs."""
    for node in model.get_ops():
        if node.get_type_name() == "FakeQuantize":
            site = _site(node.input_value(0).get_node())
            if site in ranges:
                for number, bound in enumerate((*ranges[site], *ranges[site]), start=1):
                    constant = opset.constant(np.float32(bound))
                    node.input(number).replace_source_output(constant.output(0))


def _site(node: ov.Node) -> str:
    """The site (bertline.modeling.quantization) whose values `node` gives, "" for weights."""
    if node.get_type_name() == "Reshape":
        return _site(node.input_value(0).get_node())
    if node.get_type_name() in ("Constant", "Convert"):
        return ""
    name = node.get_friendly_name()
    if "embeddings" in name and "norm" in name:
        return "embeddings/norm"
    if node.get_type_name() == "Tanh":
        return "encoder/pooled"
    block = BLOCK.search(name)
    for pattern, kind in KINDS:
        found = re.search(pattern, name)
        if block and found:
            return f"layer_{block[1]}/{found.expand(kind)}"
    return ""
