"""The first site at which two LiteRT files of a model compute something else."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bertline.export.openvino import Sample
from bertline.export.sites import places_of
from bertline.export.tensors import AllTensors
from bertline.export.tflite import Content
from bertline.modeling.site_table import FOLD, SiteTable

THRESHOLD = 0.05
"""Relative difference from which two tensors count as different."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where two files part. tensor: its name in both; difference: |a − b| / |a|, Euclidean."""

    site: str
    tensor: str
    difference: float


def first_divergence(
    first: Path,
    second: Path,
    samples: Sequence[Sample],
    sites: SiteTable,
    threshold: float = THRESHOLD,
) -> Divergence | None:
    """The first tensor, as `first` computes them, that differs by more than `threshold`.

    Tensors are matched by name and shape; integers count as the numbers that they stand for. Sums
    and their branches whose outliers one file alone folds (bertline.export.folding) are left out.
    The difference is taken over all samples together. sites: of the family of the files'
    encoder. None where no tensor differs by more.
    """
    one, other = AllTensors(first), AllTensors(second)
    numbers = {each.name: number for number, each in enumerate(other.content.tensors)}
    folded = _folded(one.content, sites) ^ _folded(other.content, sites)
    pairs = [
        (operator.outputs[0], numbers[one.content.name(operator)], place.group)
        for operator, place in zip(
            one.content.operators, places_of(one.content, sites), strict=True
        )
        if one.content.name(operator) in numbers and place.group not in folded
    ]
    apart, whole = np.zeros(len(pairs)), np.zeros(len(pairs))
    for sample in samples:
        one.run(sample)
        other.run(sample)
        for place, (mine, its, _) in enumerate(pairs):
            a, b = one.value(mine), other.value(its)
            if a.shape == b.shape and a.dtype == b.dtype == np.float32:
                apart[place] += float(np.square(a - b).sum())
                whole[place] += float(np.square(a).sum())
    differences = np.sqrt(apart / np.maximum(whole, np.finfo(np.float32).tiny))
    for (mine, _, site), difference in zip(pairs, differences, strict=True):
        if difference > threshold:
            return Divergence(site, one.content.tensors[mine].name, float(difference))
    return None


def _folded(content: Content, sites: SiteTable) -> set[str]:
    """The sums that are folded, and their branches."""
    places = places_of(content, sites)
    made_at = {o.outputs[0]: each.site for o, each in zip(content.operators, places, strict=True)}
    found = set()
    for operator, place in zip(content.operators, places, strict=True):
        for before in (made_at.get(number, "") for number in operator.inputs):
            part, _, kind = before.rpartition("/")
            if place.site.endswith(f"/{FOLD}") and kind in sites.branches:
                found |= {before, f"{part}/{sites.branches[kind]}"}
    return found
