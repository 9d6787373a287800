"""publish: an exported model with its report → a version in a registry, if it is blessed."""

import shutil
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bertline.artifacts import digest, new_artifact, read_manifest
from bertline.config import Config
from bertline.errors import DataError
from bertline.evaluation.gate import Verdict
from bertline.modeling.config import ModelSpec
from bertline.publishing.layout import lay_out
from bertline.publishing.registry import add_version

FROM_REPORT = ("model_card.md", "metrics.json", "verdict.json", "report.html")


class Settings(Config):
    """name: the model's folder in the registry; by default the name of its task."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] | None = None


def run(
    settings: Settings, *, exported: Path, report: Path, registry: Path | str, published: Path
) -> None:
    """Writes the artifact `published`, whose manifest tells what became of the model.

    registry: a folder, or as text an address gs://<bucket>/…. about: name, version (None if not
    blessed), path of the version's folder, reasons. A version holds the files that passed the gate
    and the report's pages; see publishing.layout. The same exported folder is published once.
    Raises DataError if the report is of another model, and StorageError.
    """
    exported_digest = digest(exported)
    if read_manifest(report, "report").about["exported"] != exported_digest:
        raise DataError(f"{report}: not a report on {exported}; run evaluate on it")
    name = settings.name or ModelSpec.read(exported).task
    verdict = Verdict.read(report)
    passed = {file.name for file in verdict.files if file.passed}

    def fill(folder: Path) -> None:
        lay_out(exported, passed, folder)
        for file in FROM_REPORT:
            shutil.copyfile(report / file, folder / file)

    place = f"{str(registry).rstrip('/')}/{name}"
    version = add_version(place, exported_digest, fill) if verdict.blessed else None
    path = f"{place}/{version}" if version else None
    about = {"name": name, "version": version, "path": path, "reasons": list(verdict.reasons)}
    with new_artifact(published, "published", about):
        pass
    print(f"published {name} version {version}: {path}" if version else "nothing published")
