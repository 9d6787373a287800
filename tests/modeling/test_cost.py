import numpy as np
import pytest

from bertline.modeling.cost import parameter_count, prune_ratio


def test_parameters_and_zeros() -> None:
    weights = {
        "a/kernel": np.array([[0.0, 1.0], [0.0, 2.0]]),
        "b/kernel": np.array([[3.0, 4.0]]),
        "a/bias": np.zeros(2),
    }
    assert parameter_count(weights) == 8
    assert prune_ratio(weights) == pytest.approx(100 * 2 / 6)
    assert prune_ratio({}) == 0
