"""What a model costs by its weights: how many there are, and how many are zero."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def parameter_count(weights: Mapping[str, NDArray[Any]]) -> int:
    """Number of values in all weights."""
    return sum(value.size for value in weights.values())


def prune_ratio(weights: Mapping[str, NDArray[Any]]) -> float:
    """Percent of the values of matrices (kernels of dense layers) that are exactly zero."""
    kernels = [value for path, value in weights.items() if path.endswith("/kernel")]
    zeros = sum(int(np.count_nonzero(value == 0)) for value in kernels)
    return 100 * zeros / max(sum(value.size for value in kernels), 1)
