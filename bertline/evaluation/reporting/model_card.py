"""The model card: what a published model is for, how good it is, and where that ends."""

import html
import re
from pathlib import Path

from bertline.evaluation.gate import Verdict
from bertline.evaluation.judges import METRICS
from bertline.evaluation.reporting.report import flat
from bertline.evaluation.reporting.summary import size_text
from bertline.evaluation.results import Results
from bertline.modeling.config import ModelSpec

SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~])")
"""Characters that may mean something in a line of Markdown."""


def escaped(text: object) -> str:
    """The Markdown that shows `text` as it is, in one line."""
    line = " ".join(str(text).split())
    return html.escape(SPECIAL.sub(r"\\\1", line), quote=False)


def render_model_card(spec: ModelSpec, results: Results, verdict: Verdict) -> str:
    """The card as Markdown text."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # noqa: S701 - Markdown, not HTML
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"size": size_text, "text": escaped}
    labels = {name: metric.label for name, metric in METRICS.items()}
    return environment.get_template("model_card.md.j2").render(
        spec=spec,
        results=results,
        verdict=verdict,
        files=(results.reference, *results.files),
        labels=labels,
        first_label=labels[results.metrics[0]],
        slots=sorted({tag[2:] for tag in spec.labels.get("tags", []) if tag != "O"}),
        data=flat(results.data),
        settings=flat(results.settings),
    )
