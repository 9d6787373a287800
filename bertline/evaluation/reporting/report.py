"""The report of an evaluation: one HTML page that loads nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bertline.evaluation.gate import Verdict
from bertline.evaluation.judges import METRICS
from bertline.evaluation.reporting.plots import quality_plot, training_plot
from bertline.evaluation.reporting.recommendation import recommend
from bertline.evaluation.reporting.summary import size_text, verdict_line
from bertline.evaluation.results import Results

TEMPLATES = Path(__file__).parent
LISTED = 12


def render_report(
    results: Results, verdict: Verdict, history: Sequence[Mapping[str, Any]] = ()
) -> str:
    """The HTML text; `history` are the entries of the model's history.json."""
    return render_page(
        TEMPLATES / "report.html.j2",
        results=results,
        verdict=verdict,
        verdict_line=verdict_line(verdict),
        files=(results.reference, *results.files),
        labels={name: metric.label for name, metric in METRICS.items()},
        aspects=next((list(file.agreement.same) for file in results.files if file.agreement), []),
        recommendations=recommend(results, verdict),
        quality_plot=quality_plot(results),
        training_plot=training_plot(history) if history else None,
        data=flat(results.data),
        settings=flat(results.settings),
    )


def render_page(template: Path, **values: Any) -> str:
    """The HTML text of a template with `values`, all escaped, and `css`, the style of reports."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["size"] = size_text
    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    return environment.get_template(template.name).render(css=css, **values)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested `values` as one level of texts: {"a": {"b": 1}} → {"a.b": "1"}.

    None and empty lists are left out; of a list with more than LISTED entries the number is told.
    """
    found: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple) and value:
            told = ", ".join(map(str, value)) if len(value) <= LISTED else f"{len(value):,} entries"
            found[f"{prefix}{key}"] = told
        elif value not in (None, [], ()):
            found[f"{prefix}{key}"] = f"{value:,}" if type(value) is int else str(value)
    return found
