"""compare_models: a report and the version in use → a report whose verdict knows of both."""

import shutil
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bertline.artifacts import MANIFEST, digest, new_artifact, read_json, read_manifest, write_text
from bertline.config import Config
from bertline.drift.verdict import Drift
from bertline.errors import DataError
from bertline.evaluation.champion import judge_against_champion, with_champion
from bertline.evaluation.gate import Gate, PointsOfMetrics, Verdict
from bertline.evaluation.judges import Judge
from bertline.evaluation.report import render_report
from bertline.evaluation.results import Results
from bertline.evaluation.summary import summary_lines
from bertline.examples import read_split
from bertline.leftovers import temporary_folder
from bertline.modeling.config import ModelSpec
from bertline.publishing.model_card import render_model_card
from bertline.publishing.registry import model_address
from bertline.storage import fetch
from bertline.tasks import get_task
from bertline.usage import Usage

MARGIN = 1.0
"""Points of the task's first metric, where no margins are given."""

Count = Annotated[int, Field(gt=0)]


class Settings(Config):
    """maximum_drop: metric → points by which the new model may be worse than the version in use.

    Held against the upper limit of the 95 % interval of each drop (see evaluation.champion). Empty:
    MARGIN for the task's first metric. batch_size: of the runs. bootstrap_samples: behind the
    intervals.
    """

    maximum_drop: PointsOfMetrics = {}
    batch_size: Count = 32
    bootstrap_samples: Count = 10_000

    def check_task(self, judge: Judge) -> None:
        """Raises ConfigError for a margin that is not of the judge's metrics."""
        Gate(maximum_drop=self.maximum_drop).check_task(judge)


def run(
    settings: Settings,
    *,
    registry: Path | str,
    drift: Path,
    model: Path,
    exported: Path,
    examples: Path,
    report: Path,
    compared: Path,
) -> None:
    """Writes the artifact `compared`: `report` with the version in use compared and judged.

    registry: a folder, or as text an address gs://<bucket>/…. The version in use is the one that
    `drift` names, so that both comparisons are with the same; where it names none the report stays
    as it is. Each exported file is compared with the champion's of the same form. The manifest
    tells `exported`, `blessed` and `champion`. A model that is worse is a result; raised are
    StorageError, and DataError and CheckpointError for inputs that do not belong together.
    """
    found = Drift.read(drift)
    about = read_manifest(report, "report").about
    if about["exported"] != digest(exported):
        raise DataError(f"{report}: not a report on {exported}; run evaluate on it")
    measured, verdict = Results.read(report), Verdict.read(report)
    if found.champion is not None:
        with temporary_folder() as work:
            place = f"{model_address(registry, found.name)}/{found.champion}"
            measured = with_champion(
                measured,
                report,
                list(read_split(examples / "test.jsonl", get_task(measured.task).example_kind)),
                champion=fetch(place, work / "champion"),
                version=found.champion,
                batch_size=settings.batch_size,
                bootstrap_samples=settings.bootstrap_samples,
            )
        margins = settings.maximum_drop or {measured.metrics[0]: MARGIN}
        verdict = judge_against_champion(verdict, measured, margins)
    history = read_json(model / "history.json")["entries"]
    about = {**about, "blessed": verdict.blessed, "champion": found.champion}
    with new_artifact(compared, "report", about) as folder:
        ignored = shutil.ignore_patterns(MANIFEST, Usage.file_name)
        shutil.copytree(report, folder, ignore=ignored, dirs_exist_ok=True)
        measured.write(folder)
        verdict.write(folder)
        write_text(folder / "report.html", render_report(measured, verdict, history))
        card = render_model_card(ModelSpec.read(exported), measured, verdict)
        write_text(folder / "model_card.md", card)
    print("\n".join(summary_lines(measured, verdict)))
