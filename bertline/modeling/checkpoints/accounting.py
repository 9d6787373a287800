"""Foreign tensors → ours, every one of them accounted for."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from bertline.errors import CheckpointError
from bertline.modeling.families.base import CheckpointForm, EncoderConfig, Family
from bertline.modeling.families.lookup import family_of, remedy, supported_family
from bertline.modeling.families.recognition import marked_family
from bertline.modeling.finite import check_finite
from bertline.modeling.shapes import Shape
from bertline.modeling.weights import Tensors

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_MOST_LISTED = 10


def by_our_names(
    tensors: Tensors, config: EncoderConfig, form: CheckpointForm[Any], where: str
) -> Tensors:
    """The encoder's and the heads' tensors by our paths, float32, kernels [inputs, outputs].

    form: of the checkpoint that the tensors are of. A head of the family's `head_shapes` is
    expected where any of its tensors is, and so is a part of the encoder that may be missing.
    Raises CheckpointError in one line where no tensor is the encoder's; else with a list of what is
    missing, not expected, of another shape or no floating-point number, or with the first tensor
    that holds NaN or infinity; `where` begins the message.
    """
    family = family_of(config)
    names = form.names(config)
    present = [path for path, name in names.items() if name in tensors]
    if tensors and not any(path.startswith("encoder/") for path in present):
        first = min(tensors)
        raise CheckpointError(
            f"{where}: none of its {len(tensors)} tensors (first: {first:.60}) is of the encoder "
            f"that the config describes; {remedy()}"
        )
    expected = family.shapes(family.fitted(config, present))
    bias = tensors.get(names.get("label_dense/bias", ""), np.zeros(0))
    for shapes in family.head_shapes(config, bias.size).values():
        if any(names[path] in tensors for path in shapes):
            expected |= shapes
    theirs = {
        names[path]: shape[::-1] if form.is_transposed(path) else shape
        for path, shape in expected.items()
    }
    _check(tensors, theirs, where)
    ours: Tensors = {}
    for path in expected:
        with np.errstate(
            over="ignore"
        ):  # what float32 cannot hold becomes infinite, which is reported
            value = np.asarray(tensors[names[path]]).astype("float32")
        ours[path] = value.T if form.is_transposed(path) else value
    check_finite(((names[path], value) for path, value in ours.items()), where)
    return ours


def check_family(names: Collection[str], family: str, where: str) -> None:
    """Raises CheckpointError if these names of tensors are of another family than `family`."""
    found = marked_family(names) or family
    supported_family(found, where)
    if found != family:
        raise CheckpointError(
            f"{where}: weights of the family {found}, but the config is of {family}; use the "
            "config that belongs to the weights"
        )


def form_of(family: Family[Any], form: str, where: str) -> CheckpointForm[Any]:
    """How checkpoints in the format `form` show a family; CheckpointError if none are read."""
    if form not in family.checkpoints:
        known = ", ".join(family.checkpoints) or "none"
        raise CheckpointError(
            f"{where}: {family.name} is not read from checkpoints of this format, {form}; give one "
            f"of another: {known}"
        )
    return family.checkpoints[form]


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
        more = len(problems) - _MOST_LISTED
        listed = [*problems[:_MOST_LISTED], *([f"and {more} more"] if more > 0 else [])]
        raise CheckpointError(
            f"{where}: {len(problems)} of its tensors and the config do not fit: "
            f"{', '.join(listed)}; use the config that belongs to the weights"
        )
