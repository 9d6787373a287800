"""What stages note on the terminal, repeated where a stage comes from the cache."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bertline.artifacts import read_manifest
from bertline.datasets import summary as of_examples
from bertline.features import summary as of_features

NOTES: dict[str, tuple[str, Callable[[Mapping[str, Any]], list[str]]]] = {
    "ingest": ("examples", of_examples.summary_lines),
    "tokenize": ("features", of_features.summary_lines),
    "merge_features": ("features", of_features.summary_lines),
}
"""Stage → the output whose manifest has what it notes (name and kind), and how that is shown."""


def notes_of(stage: str, outputs: Mapping[str, Any]) -> list[str]:
    """The lines that a stage with these outputs noted; none if it notes nothing.

    outputs: kfp's artifacts by name; of a stage in a loop there need be none.
    """
    if stage not in NOTES:
        return []
    kind, lines = NOTES[stage]
    artifact = outputs.get(kind)
    return lines(read_manifest(Path(artifact.uri), kind).about) if artifact else []
