"""Shapes of a graph's inputs → the one that `bertline convert` fixes."""

import re
from collections.abc import Sequence

from pipelines.flags.flag import Combined

SIZE = re.compile(r"[^\s,]+")
FIXED = re.compile(r"[1-9]\d*")


def static(shapes: Sequence[str], flag: str) -> Combined:
    """The option --static if all `shapes` ("1,128") are one of batch and length, else a note."""
    sizes = {tuple(SIZE.findall(shape)) for shape in shapes}
    if len(sizes) == 1:
        (only,) = sizes
        if len(only) == 2 and all(FIXED.fullmatch(size) for size in only):
            return Combined({"--static": "x".join(only)})
    return Combined(notes=(f"--{flag}: not one batch and length for all; the sizes stay open",))
