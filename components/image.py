"""How every component is declared: in which image it runs, and that nothing is installed there.

Modules of components do without `from __future__ import annotations`: kfp reads real types.
"""

import functools
from collections.abc import Callable
from typing import Any

from kfp import dsl

from bertline import __version__

# kfp's local runner takes an image for a Python one by "python" in its name.
IMAGE = f"bertline-core-python:{__version__}"

component: Callable[[Callable[..., Any]], Any] = functools.partial(
    dsl.component, base_image=IMAGE, install_kfp_package=False
)
