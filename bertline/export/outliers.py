"""Outliers of the residual stream: channels in which a few tokens are far above all else.

Where one range has to hold a whole tensor they leave no room for the others (Bondarenko et al.
2021, arXiv:2109.12948).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertline.export.openvino import Sample
from bertline.export.sites import DENSE, places_of
from bertline.export.tensors import AllTensors
from bertline.modeling.site_table import SiteTable

MAKERS = (DENSE, "ADD")
PERCENTILE = 98
FACTOR = 1.5


@dataclass(frozen=True)
class Peaks:
    """The largest magnitude of each channel and where it was found, each an array [channels].

    samples: number of the sample; positions: of the token in it.
    """

    sizes: NDArray[np.float32]
    samples: NDArray[np.int64]
    positions: NDArray[np.int64]

    @property
    def usual(self) -> float:
        """What PERCENTILE of the channels stay within."""
        return float(np.percentile(self.sizes, PERCENTILE))

    def outliers(self) -> list[int]:
        """The channels that reach FACTOR times beyond that, the largest first."""
        order = np.argsort(-self.sizes)
        return [int(channel) for channel in order if self.sizes[channel] > FACTOR * self.usual]


def channel_peaks(path: Path, samples: Sequence[Sample], sites: SiteTable) -> dict[str, Peaks]:
    """The peaks over all samples, by site.

    Of each residual sum, and of the dense layer that ends its branch. path: a float LiteRT file.
    samples: each a single text. sites: of the family of its encoder.
    """
    tensors = AllTensors(path)
    content = tensors.content
    kinds = {*sites.branches, *sites.sums}
    makers = {
        place.site: operator.outputs[0]
        for operator, place in zip(content.operators, places_of(content, sites), strict=True)
        if place.site.rpartition("/")[2] in kinds and operator.kind in MAKERS
    }
    found: dict[str, Peaks] = {}
    for number, sample in enumerate(samples):
        tensors.run(sample)
        length = next(iter(sample.values())).shape[1]
        for site, tensor in makers.items():
            values = np.abs(tensors.value(tensor))
            values = values.reshape(-1, values.shape[-1])[:length]  # [tokens, channels]
            new = Peaks(
                values.max(axis=0), np.full(values.shape[-1], number), values.argmax(axis=0)
            )
            found[site] = _larger(found[site], new) if site in found else new
    return found


def _larger(first: Peaks, second: Peaks) -> Peaks:
    keep = first.sizes >= second.sizes
    return Peaks(
        np.where(keep, first.sizes, second.sizes),
        np.where(keep, first.samples, second.samples),
        np.where(keep, first.positions, second.positions),
    )


def folding_scales(
    peaks: Mapping[str, Peaks], branches: Mapping[str, str]
) -> dict[str, NDArray[np.float32]]:
    """Site of a residual sum → powers of two [channels] that bring its outliers to the usual size.

    1 for all other channels; sums without outliers are left out. branches: kind of a sum → that of
    the dense layer of its branch.
    """
    scales = {}
    for site, found in peaks.items():
        part, _, kind = site.rpartition("/")
        if kind not in branches:
            continue
        sizes = np.maximum(found.sizes, peaks.get(f"{part}/{branches[kind]}", found).sizes)
        beyond = sizes > FACTOR * found.usual
        if beyond.any():
            ratio = np.maximum(sizes / found.usual, 1.0)
            scales[site] = np.where(beyond, 2.0 ** np.ceil(np.log2(ratio)), 1.0).astype(np.float32)
    return scales
