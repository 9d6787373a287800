"""Fake quantization: values rounded to 8 bits and kept as floats, with gradients to train through.

The arithmetic is that of TensorFlow's fake_quant_with_min_max_vars (core/kernels/
fake_quant_ops_functor.h) bit for bit: the range is moved ("nudged") so that 0 is one of its levels,
then a value is clipped to it and rounded half up to a multiple of the step. Jacob et al. 2018,
https://arxiv.org/abs/1712.05877, section 3.
"""

from typing import Any

import numpy as np
from keras import ops

from bertline.modeling.quantization import LEVELS


def fake_quantize(x: Any, low: Any, high: Any, learns_step: bool = False) -> Any:
    """`x` as an asymmetric 8-bit tensor of range [low, high] would hold it, low <= 0 <= high.

    x: float32, any shape; low, high: float32 scalars. A range without width gives zeros. The
    gradient of x is 1 inside the range (straight through: Bengio et al. 2013,
    https://arxiv.org/abs/1308.3432) and 0 outside, where it goes to the bound, as in PACT (Choi et
    al. 2018, https://arxiv.org/abs/1805.06085). learns_step: inside, the error of rounding
    also moves the bounds, as in LSQ (Esser et al. 2020, https://arxiv.org/abs/1902.08153): by
    ∂y/∂high = -∂y/∂low = (y - x) / (high - low).
    """

    @ops.custom_gradient  # type: ignore[untyped-decorator]
    def quantize(x: Any, low: Any, high: Any) -> Any:
        first, last, step, zero = _nudged(low, high)
        has_width = step > 0
        divisor = ops.where(has_width, step, 1.0)
        clipped = ops.maximum(ops.minimum(x, last), first)
        y = ops.floor((clipped - first) / divisor - zero + 0.5) * step

        def gradient(*args: Any, upstream: Any = None) -> Any:
            g = args[0] if upstream is None else upstream
            below = x < ops.where(has_width, first, -np.inf)
            above = x > ops.where(has_width, last, np.inf)
            inside = ops.where(ops.logical_or(below, above), 0.0, g)
            to_low = ops.sum(ops.where(below, g, 0.0))
            to_high = ops.sum(ops.where(above, g, 0.0))
            if learns_step:
                rounding = ops.sum(inside * (y - x)) / (divisor * LEVELS)
                to_low, to_high = to_low - rounding, to_high + rounding
            return inside, to_low, to_high

        return y, gradient

    return ops.cast(quantize(ops.cast(x, "float32"), low, high), x.dtype)


def _nudged(low: Any, high: Any) -> tuple[Any, Any, Any, Any]:
    """First and last value of the range, its step, and the level of 0 above the first."""
    step = (high - low) / LEVELS
    zero = -low / ops.where(step > 0, step, 1.0)
    # Half away from zero; adding 0.5 first would round 0.49999997 up.
    down = ops.floor(zero)
    zero = ops.clip(ops.where(zero - down >= 0.5, down + 1.0, down), 0.0, LEVELS)
    return -zero * step, (LEVELS - zero) * step, step, zero


def fake_quantize_kernel(kernel: Any) -> Any:
    """`kernel` [..., units] as symmetric 8-bit weights -127 … 127 with a step for each unit.

    The range of a unit is the largest magnitude of its weights, so nothing is clipped and the
    gradient is straight through: 1.
    """
    values = ops.cast(kernel, "float32")
    reach = ops.max(ops.abs(values), axis=tuple(range(len(values.shape) - 1)), keepdims=True)
    per_value = 127.0 / ops.where(reach > 0, reach, 1.0)
    step = reach / 127.0
    last = 127.0 * step
    clipped = ops.maximum(ops.minimum(values, last), -last)
    rounded = ops.floor((clipped + last) * per_value - 127.0 + 0.5) * step
    return ops.cast(values + ops.stop_gradient(rounded - values), kernel.dtype)
