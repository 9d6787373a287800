"""The bounds of what a batch shows at a site."""

from typing import Any

from keras import ops

from bertline.modeling.quantization import Site


def bounds_of(x: Any, site: Site, keep_BL: Any, percentile: float | None) -> Any:
    """Least and largest value [4] of all tokens but the first, then of the first.

    Padding is left out, and so are pairs with padding and texts of it alone. 0 always lies within:
    it stands for what is left out. percentile: of the values, how many to have between the bounds,
    both sides alike.
    """
    none = ops.zeros((2,), "float32")
    is_text = keep_BL[:, :1]
    if site.axes in ("texts", "positions"):
        counted = ops.where(is_text, x, 0.0) if site.axes == "texts" else x
        return ops.concatenate([_least_and_largest(counted, 1.0, percentile), none])
    if site.axes == "pairs":
        keep = ops.logical_and(keep_BL[:, None, :, None], keep_BL[:, None, None, :])
        share = ops.mean(ops.cast(keep, "float32"))
        return ops.concatenate(
            [_least_and_largest(ops.where(keep, x, 0.0), share, percentile), none]
        )
    shape = ops.shape(keep_BL)
    x_BLn = ops.reshape(x, (shape[0], shape[1], x.shape[-1]))
    keep = keep_BL[:, 1:, None]
    share = ops.mean(ops.cast(keep, "float32"))
    others = _least_and_largest(ops.where(keep, x_BLn[:, 1:], 0.0), share, percentile)
    return ops.concatenate(
        [others, _least_and_largest(ops.where(is_text, x_BLn[:, 0], 0.0), 1.0, None)]
    )


def _least_and_largest(x: Any, share: Any, percentile: float | None) -> Any:
    """Least and largest value [2], or percentiles of the `share` of `x` that counts."""
    if percentile is None:
        least, largest = ops.min(x), ops.max(x)
    else:
        tail = (1.0 - percentile / 100.0) / 2.0 * share
        values = ops.reshape(x, (-1,))
        least, largest = ops.quantile(values, tail), ops.quantile(values, 1.0 - tail)
    return ops.stack([ops.minimum(least, 0.0), ops.maximum(largest, 0.0)])
