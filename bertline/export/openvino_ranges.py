"""Ranges of training in an OpenVINO model that NNCF has quantized."""

import numpy as np
import openvino as ov
from openvino import opset13 as opset

from bertline.export.sites import BLOCK, first_fitting
from bertline.modeling.quantization import Ranges
from bertline.modeling.site_table import SiteTable


def set_ranges(model: ov.Model, ranges: Ranges, sites: SiteTable) -> None:
    """Gives the activations that are rounded the ranges of their sites; others keep theirs.

    sites: of the family of the model's encoder.
    """
    for node in model.get_ops():
        if node.get_type_name() == "FakeQuantize":
            site = _site(node.input_value(0).get_node(), sites)
            if site is not None and site in ranges:
                for number, bound in enumerate((*ranges[site], *ranges[site]), start=1):
                    constant = opset.constant(np.float32(bound))
                    node.input(number).replace_source_output(constant.output(0))


def _site(node: ov.Node, sites: SiteTable) -> str | None:
    """The full name of the site whose values `node` gives; None for weights and what has none."""
    kind, name = node.get_type_name(), node.get_friendly_name()
    if kind == "Reshape":
        return _site(node.input_value(0).get_node(), sites)
    if kind in ("Constant", "Convert"):
        return None
    block = BLOCK.search(name)
    if block is None:
        return first_fitting(sites.shown("openvino", in_block=False), kind, name)
    inside = name[block.end() :].partition("/")[2]
    site = first_fitting(sites.shown("openvino", in_block=True), kind, inside)
    return f"layer_{block[1]}/{site}" if site else None
