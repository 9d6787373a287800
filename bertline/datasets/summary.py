"""What ingest found, for people."""

from collections.abc import Mapping, Sequence
from typing import Any

SHOWN = 5
"""How many names of a list are shown."""
_LEAKED = "test_in_train"


def summary_lines(about: Mapping[str, Any]) -> list[str]:
    """The lines that report what an examples artifact holds.

    The first line has the examples of each split and the numbers of labels, the others what was
    normalised, left out or seems odd. about: of the artifact's manifest.
    """
    counts = ", ".join(f"{count:,} {split}" for split, count in about["counts"].items())
    labels = ", ".join(f"{len(names)} {kind}" for kind, names in about["labels"].items())
    lines = ["; ".join(filter(None, [f"{about['task']}: {counts}", labels]))]
    for name, found in about["report"].items():
        if found and name != _LEAKED:
            lines.append(f"  {name.replace('_', ' ')}: {_shown(found)}")
    leaked = about["report"].get(_LEAKED)
    if leaked:
        lines.append(f"  {len(leaked):,} test examples are in training too; they stay in test")
    return lines


def _shown(found: int | Sequence[str]) -> str:
    if isinstance(found, int):
        return f"{found:,}"
    return ", ".join([*found[:SHOWN], *(["…"] if len(found) > SHOWN else [])])
