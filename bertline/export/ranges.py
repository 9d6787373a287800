"""The ranges of a float LiteRT file's tensors, which static quantization rounds within."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bertline.export.openvino import Sample
from bertline.export.tensors import AllTensors

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
