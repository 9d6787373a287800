"""Foreign tensors → ours, every one of them accounted for."""

from collections.abc import Callable, Mapping

import numpy as np

from bertline.errors import CheckpointError
from bertline.modeling.config import EncoderConfig
from bertline.modeling.finite import check_finite
from bertline.modeling.shapes import Shape, encoder_shapes, head_shapes
from bertline.modeling.weights import Tensors

POOLER = ("encoder/pooler/kernel", "encoder/pooler/bias")
_FLOATS = ("float16", "bfloat16", "float32", "float64")
_MOST_TOLD = 10


def by_our_names(
    tensors: Tensors,
    config: EncoderConfig,
    their_name: Callable[[str], str],
    is_transposed: Callable[[str], bool],
    where: str,
) -> Tensors:
    """The encoder's and the heads' tensors by our paths, float32, kernels [inputs, outputs].

    their_name: our path → the name in `tensors`. is_transposed: whether the tensor of a path is
    stored the other way round there. A head of `head_shapes` is expected where any of its tensors
    is, and so is the pooler. Raises CheckpointError with a list of what is missing, not expected,
    of another shape or no floating-point number, or with the first tensor that holds NaN or
    infinity; `where` begins the message.
    """
    has_pooler = any(their_name(path) in tensors for path in POOLER)
    expected = encoder_shapes(config.model_copy(update={"has_pooler": has_pooler}))
    bias = tensors.get(their_name("label_dense/bias"), np.zeros(0))
    for shapes in head_shapes(config, num_labels=bias.size).values():
        if any(their_name(path) in tensors for path in shapes):
            expected |= shapes
    theirs = {
        their_name(path): shape[::-1] if is_transposed(path) else shape
        for path, shape in expected.items()
    }
    _check(tensors, theirs, where)
    ours: Tensors = {}
    for path in expected:
        with np.errstate(
            over="ignore"
        ):  # what float32 cannot hold becomes infinite, which is reported
            value = np.asarray(tensors[their_name(path)]).astype("float32")
        ours[path] = value.T if is_transposed(path) else value
    check_finite(((their_name(path), value) for path, value in ours.items()), where)
    return ours


def _check(found: Tensors, expected: Mapping[str, Shape], where: str) -> None:
    problems = [f"{name} is missing" for name in expected if name not in found]
    problems += [
        f"{name} has shape {list(found[name].shape)}, expected {list(shape)}"
        for name, shape in expected.items()
        if name in found and found[name].shape != shape
    ]
    problems += [
        f"{name} holds {found[name].dtype.name}"
        for name in expected
        if name in found and found[name].dtype.name not in _FLOATS
    ]
    problems += [f"{name} is not expected" for name in sorted(found.keys() - expected.keys())]
    if problems:
        more = len(problems) - _MOST_TOLD
        told = [*problems[:_MOST_TOLD], *([f"and {more} more"] if more > 0 else [])]
        raise CheckpointError(
            f"{where}: {len(problems)} of its tensors and the config do not fit: "
            f"{', '.join(told)}; use the config that belongs to the weights"
        )
