"""The page that shows fresh data beside the champion's."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from bertline.drift.verdict import Drift
from bertline.evaluation.reporting.report import render_page

TEMPLATE = Path(__file__).parent / "drift.html.j2"


class Row(NamedTuple):
    """A name with its shares of a distribution in percent; champion: None if not known."""

    name: str
    champion: float | None
    fresh: float


def render_drift(drift: Drift) -> str:
    """The HTML text of the page; it loads nothing from elsewhere."""
    known = drift.reference.learnt if drift.reference else None
    fresh = drift.fresh.learnt
    tables = {
        kind: list(_rows(counts, known.labels.get(kind, {}) if known else None))
        for kind, counts in fresh.labels.items()
    }
    tables["lengths in characters, from"] = sorted(
        _rows(fresh.lengths, known.lengths if known else None), key=lambda row: int(row.name)
    )
    return render_page(TEMPLATE, drift=drift, lines=list(drift.lines()), tables=tables)


def _rows(fresh: Mapping[str, int], known: Mapping[str, int] | None) -> Iterator[Row]:
    for name in sorted({*fresh, *(known or {})}):
        champion = None if known is None else _percent(known, name)
        yield Row(name, champion, _percent(fresh, name))


def _percent(counts: Mapping[str, int], name: str) -> float:
    return 100 * counts.get(name, 0) / (sum(counts.values()) or 1)
