"""The ranges of a float LiteRT file's tensors, which static quantization rounds within."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bertline.export.openvino import Sample
from bertline.export.sites import MOVES, sites_of
from bertline.export.tensors import AllTensors
from bertline.export.tflite import read_content
from bertline.modeling.quantization import Ranges as SiteRanges

NETWORK_SITES = {"gelu": "activation", "embeddings": "sum"}
"""Kinds of sites of a file that networks call by other names."""
Ranges = Mapping[str, tuple[float, float]]
"""Name of a tensor → its least and its largest value."""


def measure_ranges(path: Path, samples: Sequence[Sample]) -> Ranges:
    """The range of every float tensor that a call computes.

    Its ends are means over the samples of their least and largest values: what is beyond is
    rounded to the ends, so that one extreme text does not coarsen all others. samples: each best a
    single text without padding, whose activations would widen every range.
    """
    tensors = AllTensors(path)
    numbers = [n for n, each in enumerate(tensors.content.tensors) if each.is_float_activation]
    ends = np.zeros((2, len(numbers)))
    # Of one length together, since another one plans memory anew.
    for sample in sorted(samples, key=lambda each: next(iter(each.values())).shape[1]):
        tensors.run(sample)
        values = [tensors.value(number) for number in numbers]
        ends += [[value.min() for value in values], [value.max() for value in values]]
    return {
        tensors.content.tensors[number].name: (float(low), float(high))
        for number, low, high in zip(numbers, *(ends / len(samples)), strict=True)
    }


def find_ranges(path: Path, samples: Sequence[Sample], trained: SiteRanges) -> Ranges:
    """The ranges of training, and measured ones of the tensors that training had none of."""
    return {**measure_ranges(path, samples), **trained_ranges(path, trained)}


def trained_ranges(path: Path, by_site: SiteRanges) -> Ranges:
    """The ranges of the tensors that are results of a network's sites (modeling.quantization).

    path: the float file of a network that has ranges. Tensors within a site have none here.
    """
    content = read_content(path)
    held: dict[int, str] = {}  # tensor → the site whose values it holds
    results: dict[str, list[int]] = {}
    for operator, file_site in zip(content.operators, sites_of(content), strict=True):
        before, number = held.get(operator.inputs[0], ""), operator.outputs[0]
        if operator.kind in MOVES and before:
            held[number] = before
            results[before].append(number)
        else:
            held[number] = site = _network_site(file_site, content.name(operator))
            results[site] = [number]  # The last operation gives the result.
    return {
        content.tensors[number].name: by_site[site]
        for site, numbers in results.items()
        for number in numbers
        if site in by_site
    }


def _network_site(site: str, name: str) -> str:
    part, _, kind = site.rpartition("/")
    if kind == "query_key_value":
        own = re.findall(r"attention\w*/(query|key|value)", name)
        kind = own[-1] if own else kind
    return f"{part or site}/{NETWORK_SITES.get(kind, kind)}"
