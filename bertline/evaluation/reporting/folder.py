"""The files of a report, which two stages write."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bertline.artifacts import read_json, write_text
from bertline.evaluation.gate import Verdict
from bertline.evaluation.reporting.model_card import render_model_card
from bertline.evaluation.reporting.report import render_report
from bertline.evaluation.results import Results
from bertline.modeling.config import ModelSpec


def write_report(
    folder: Path, spec: ModelSpec, model: Path, results: Results, verdict: Verdict
) -> None:
    """Writes metrics.json, verdict.json, report.html and model_card.md.

    model: the folder that finetune or quantize wrote, for its training curves.
    """
    history: Sequence[Mapping[str, Any]] = read_json(model / "history.json")["entries"]
    results.write(folder)
    verdict.write(folder)
    write_text(folder / "report.html", render_report(results, verdict, history))
    write_text(folder / "model_card.md", render_model_card(spec, results, verdict))
