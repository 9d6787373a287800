"""The ranges of a float LiteRT file's tensors, which static quantization rounds within."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bertline.export.openvino import Sample
from bertline.export.sites import MOVES, places_of
from bertline.export.tensors import AllTensors
from bertline.export.tflite import read_content
from bertline.modeling.quantization import Ranges
from bertline.modeling.site_table import SiteTable

TensorRanges = Mapping[str, tuple[float, float]]
"""Name of a tensor → its least and its largest value."""


def measure_ranges(path: Path, samples: Sequence[Sample]) -> TensorRanges:
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


def find_ranges(
    path: Path, samples: Sequence[Sample], trained: Ranges, sites: SiteTable
) -> TensorRanges:
    """The ranges of training, and measured ones of the tensors that training had none of."""
    return {**measure_ranges(path, samples), **trained_ranges(path, trained, sites)}


def trained_ranges(path: Path, by_site: Ranges, sites: SiteTable) -> TensorRanges:
    """The ranges of the tensors that are results of a network's sites.

    path: the float file of a network that has ranges. sites: of its encoder's family. Tensors
    within a site have none here.
    """
    content = read_content(path)
    held: dict[int, str] = {}  # tensor → the site whose values it holds
    results: dict[str, list[int]] = {}
    for operator, place in zip(content.operators, places_of(content, sites), strict=True):
        before, number = held.get(operator.inputs[0], ""), operator.outputs[0]
        if operator.kind in MOVES and before:
            held[number] = before
            results[before].append(number)
        else:
            held[number] = place.site
            results[place.site] = [number]  # The last operation gives the result.
    return {
        content.tensors[number].name: by_site[site]
        for site, numbers in results.items()
        for number in numbers
        if site in by_site
    }
