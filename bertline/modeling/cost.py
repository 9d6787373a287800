"""What a model costs by its shape alone: parameters, operations, weights that are zero."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertline.modeling.config import EncoderConfig


def encoder_flops(config: EncoderConfig, length: int) -> int:
    """Floating-point operations of one text of `length` tokens through the encoder's layers.

    Of matrix products alone, a multiply-accumulate counted as two operations: with T tokens, H
    hidden and I intermediate units a layer has 4·T·H² (query, key, value, output), 2·T·H·I (feed
    forward) and 2·T²·H (scores and their weighted sum) of them. BERT-tiny (2 layers, H 128) at 384
    tokens: 453 million.
    """
    hidden, inner = config.hidden_size, config.intermediate_size
    products = 4 * hidden * hidden + 2 * hidden * inner + 2 * length * hidden
    return 2 * config.num_hidden_layers * length * products


def parameter_count(weights: Mapping[str, NDArray[Any]]) -> int:
    """Number of values in all weights."""
    return sum(value.size for value in weights.values())


def prune_ratio(weights: Mapping[str, NDArray[Any]]) -> float:
    """Percent of the values of matrices (kernels of dense layers) that are exactly zero."""
    kernels = [value for path, value in weights.items() if path.endswith("/kernel")]
    zeros = sum(int(np.count_nonzero(value == 0)) for value in kernels)
    return 100 * zeros / max(sum(value.size for value in kernels), 1)
