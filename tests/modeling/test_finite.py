from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from bertline.errors import CheckpointError
from bertline.modeling.finite import check_finite, is_finite


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
def test_every_type_is_looked_into(dtype: type) -> None:
    largest = float(ml_dtypes.finfo(dtype).max)  # type: ignore[no-untyped-call]
    numbers = [[0.0, -0.0, largest], [-largest, 1e-30, 1.0]]
    values: NDArray[Any] = np.array(numbers).astype(dtype)
    assert is_finite(values)
    for bad in (np.nan, -np.nan, np.inf, -np.inf):
        changed = values.copy()
        changed[1, 1] = bad
        assert not is_finite(changed)
        assert not is_finite(changed.T)


def test_other_types_and_no_values_are_finite() -> None:
    assert is_finite(np.array([np.iinfo(np.int32).max], np.int32))
    assert is_finite(np.zeros((0, 3), np.float32))


def test_the_tensor_is_named() -> None:
    tensors = {"a": np.zeros(2), "b": np.array([1.0, -np.inf, np.nan])}
    message = r"x\.bin: b has 2 of 3 values that are NaN or infinite \(first: -inf\); give weights"
    with pytest.raises(CheckpointError, match=message):
        check_finite(tensors.items(), where="x.bin")
