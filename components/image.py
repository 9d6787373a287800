"""How every component is declared: in which image it runs, and that nothing is installed there.

Modules of components do without `from __future__ import annotations`: kfp reads real types.
"""

import functools
from collections.abc import Callable
from typing import Any

from kfp import dsl

from bertline import __version__


def image_name(dependencies: str) -> str:
    """The name of the image with a set of dependencies (a folder of images/), without registry."""
    # kfp's local runner takes an image for a Python one by "python" in its name.
    return f"bertline-{dependencies}-python:{__version__}"


IMAGE = image_name("core")

component: Callable[[Callable[..., Any]], Any] = functools.partial(
    dsl.component, base_image=IMAGE, install_kfp_package=False
)
