"""The quantization sites of a family, declared once; what graphs and files need is derived."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from bertline.modeling.quantization import Shown, Site

Runtime = Literal["litert", "openvino"]
FOLD, HEAD = "fold", "head"
"""Groups of files that are no sites of an encoder: products that fold outliers, and heads."""


def layer_norm_sites(name: str, result: Site) -> dict[str, Site]:
    """The sites of the layer normalization `name` (bertline.modeling.layers.LayerNorm).

    result: the site of its result; those inside belong to the same group.
    """
    inside = Site(group=result.group or name, stays_float=result.stays_float)
    parts = ("mean", "centred", "squared", "variance", "inverse", "normal")
    return {
        **{f"{name}/{part}": inside for part in parts},
        # A variance below half a step is rounded to 0, whose root has no gradient.
        f"{name}/variance": replace(inside, least=1e-3),
        name: result,
    }


@dataclass(frozen=True)
class SiteTable:
    """The sites of all encoders of a family.

    outside: part of the network, such as "embeddings" → its sites by their names in it. block:
    those of each block, whose parts are "layer_0", "layer_1" and so on. In a LiteRT graph each of
    the two has one site whose `Shown` asks for nothing: operators that no other site shows are its.
    """

    outside: Mapping[str, Mapping[str, Site]]
    block: Mapping[str, Site]

    def named(self, num_blocks: int) -> dict[str, Site]:
        """The sites of an encoder by their full names, "<part>/<name>"."""
        parts = {**self.outside, **{f"layer_{i}": self.block for i in range(num_blocks)}}
        return _by_full_name(parts)

    @functools.cached_property
    def once(self) -> dict[str, Site]:
        """The sites outside blocks by their full names."""
        return _by_full_name(self.outside)

    def shown(self, runtime: Runtime, in_block: bool) -> list[tuple[str, Shown]]:
        """The sites that the runtime's graphs show, with what shows them.

        Of a block by their names in it, of all else by their full names.
        """
        sites = self.block if in_block else self.once
        found = ((name, getattr(site, runtime)) for name, site in sites.items())
        return [(name, shown) for name, shown in found if shown is not None]

    @functools.cached_property
    def branches(self) -> dict[str, str]:
        """Residual sum → the dense layer that ends its branch, by their names in a block."""
        return {name: site.branch for name, site in self.block.items() if site.branch}

    @functools.cached_property
    def sums(self) -> dict[str, str]:
        """Dense layer that ends a residual branch → the sum, by their names in a block."""
        return {branch: name for name, branch in self.branches.items()}

    @functools.cached_property
    def skips(self) -> tuple[str, ...]:
        """The sites whose values go past residual branches, by their names in a block."""
        return tuple(dict.fromkeys(site.skip for site in self.block.values() if site.skip))

    @functools.cached_property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of all groups that a file may have."""
        return tuple(dict.fromkeys((*self._kinds(lambda site: True), FOLD, HEAD)))

    @functools.cached_property
    def float_kinds(self) -> tuple[str, ...]:
        """Kinds of groups that stay float in LiteRT files with int8 activations."""
        return (*self._kinds(lambda site: site.stays_float), FOLD, HEAD)

    @functools.cached_property
    def outlier_kinds(self) -> tuple[str, ...]:
        """Kinds of groups that litert_int8_mixed leaves float too, unless others are chosen."""
        return self._kinds(lambda site: site.has_outliers)

    def _kinds(self, is_wanted: Callable[[Site], bool]) -> tuple[str, ...]:
        sites = (*self.once.items(), *self.block.items())
        groups = (site.group or name for name, site in sites if is_wanted(site))
        return tuple(dict.fromkeys(group.rpartition("/")[2] for group in groups))


def _by_full_name(parts: Mapping[str, Mapping[str, Site]]) -> dict[str, Site]:
    return {f"{part}/{name}": site for part, sites in parts.items() for name, site in sites.items()}
