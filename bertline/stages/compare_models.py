"""compare_models: a report and the version in use → a report whose verdict knows of both."""

import shutil
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bertline.artifacts import MANIFEST, digest, new_artifact, read_manifest
from bertline.drift.verdict import Drift
from bertline.errors import DataError
from bertline.evaluation.champion import judge_against_champion, with_champion
from bertline.evaluation.checks import DropLimits
from bertline.evaluation.gate import Verdict
from bertline.evaluation.reporting.folder import write_report
from bertline.evaluation.reporting.summary import summary_lines
from bertline.evaluation.results import Results
from bertline.examples import read_split
from bertline.leftovers import temporary_folder
from bertline.modeling.config import ModelSpec
from bertline.publishing.registry import model_address
from bertline.storage import fetch
from bertline.tasks import get_task
from bertline.usage import Usage

MARGIN = 1.0
"""Points of the task's first metric, where no maximum_drop_upper is given."""

Count = Annotated[int, Field(gt=0)]


class Settings(DropLimits):
    """maximum_drop, maximum_drop_upper: by how much the new model may be worse, see DropLimits.

    The latter is MARGIN for the task's first metric where none is given. batch_size: of the runs.
    bootstrap_samples: behind the intervals.
    """

    batch_size: Count = 32
    bootstrap_samples: Count = 10_000


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
        margins = settings.maximum_drop_upper or {measured.metrics[0]: MARGIN}
        limits = settings.model_copy(update={"maximum_drop_upper": margins})
        verdict = judge_against_champion(verdict, measured, limits)
    about = {**about, "blessed": verdict.blessed, "champion": found.champion}
    with new_artifact(compared, "report", about) as folder:
        ignored = shutil.ignore_patterns(MANIFEST, Usage.file_name)
        shutil.copytree(report, folder, ignore=ignored, dirs_exist_ok=True)
        write_report(folder, ModelSpec.read(exported), model, measured, verdict)
    print("\n".join(summary_lines(measured, verdict)))
