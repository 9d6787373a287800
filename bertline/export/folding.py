"""Networks whose outlier channels are folded: small in the residual sums, whole again after them.

In a sum of the skip branch x and the residual branch y a channel that reaches far is divided by a
power of two α: x / α + y / α, times α. What the network computes does not change, but one 8-bit
range holds all channels of the sum. LiteRT's converter puts 1 / α of y into the dense layer's
weights; the other two products run in float.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertline.export.graph import Graph, graph_of_network
from bertline.modeling.config import ModelSpec
from bertline.modeling.families.lookup import family_of
from bertline.modeling.model import build_model
from bertline.modeling.sites import FixedSites, below, unchanged
from bertline.modeling.weights import Tensors, assign

Scales = Mapping[str, NDArray[np.float32]]
"""Site of a residual sum → α of each channel."""


class FoldingSites(FixedSites):
    """The sites of a float network that divide by `scales` before sums and multiply after them.

    sums: dense layer that ends a residual branch → the sum, by their names in a block.
    """

    def __init__(self, scales: Scales, sums: Mapping[str, str]) -> None:
        super().__init__({}, weights=unchanged)
        self._scales, self._sums = scales, sums

    def inside(self, name: str) -> "FoldingSites":
        """See `At`."""
        return FoldingSites(below(self._scales, name), self._sums)

    def __call__(self, name: str, x: Any) -> Any:
        """The residual branch divided, the sum multiplied."""
        if name in self._scales:
            return x * self._scales[name]
        return self.skip(self._sums.get(name, ""), x)

    def skip(self, name: str, x: Any) -> Any:
        """The skip branch of the sum `name`, divided."""
        return x * (1.0 / self._scales[name]) if name in self._scales else x


def folded_graph(spec: ModelSpec, weights: Tensors, scales: Scales) -> Graph:
    """The float graph of a model whose outliers are folded."""
    sums = family_of(spec.encoder).sites.sums
    network = build_model(spec, sites=FoldingSites(scales, sums))
    assign(network.trainable_variables, weights, where="the model to fold")
    return graph_of_network(network)
