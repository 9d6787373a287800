"""What tokenize found, for people."""

from collections.abc import Iterator, Mapping
from typing import Any

MANY_UNKNOWN = 0.1
"""From this share of [UNK] on, a vocabulary does not know a text."""


def summary_lines(about: Mapping[str, Any]) -> list[str]:
    """The lines that report what a features artifact holds: truncated records, [UNK], a warning.

    about: of the artifact's manifest.
    """
    truncated = dict(_shares(about["truncated"], about["counts"]))
    unknown = dict(_shares(about["unknown"], about["tokens"]))
    warnings = [
        f"warning: {100 * share:.1f} % of the tokens of {split} are [UNK]: the vocabulary does not "
        "know this text; take a checkpoint of its language"
        for split, share in unknown.items()
        if share >= MANY_UNKNOWN
    ]
    return [f"truncated: {_told(truncated)}; [UNK] among tokens: {_told(unknown)}", *warnings]


def _shares(part: Mapping[str, int], whole: Mapping[str, int]) -> Iterator[tuple[str, float]]:
    for split, count in whole.items():
        if count:
            yield split, part[split] / count


def _told(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{100 * share:.1f} % of {split}" for split, share in shares.items())
