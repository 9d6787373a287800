"""publish: an exported model with its report → a version in a registry, if it is blessed."""

import shutil
from pathlib import Path

from bertline.artifacts import digest, new_artifact, read_manifest
from bertline.config import Config
from bertline.drift.profile import Profile
from bertline.errors import DataError
from bertline.evaluation.gate import Verdict
from bertline.features.tokenizer import Tokenizer
from bertline.modeling.config import ModelSpec
from bertline.publishing.layout import lay_out
from bertline.publishing.registry import ModelName, add_version, withdrawn

FROM_REPORT = ("model_card.md", "metrics.json", "verdict.json", "report.html")


class Settings(Config):
    """name: the model's folder in the registry; by default the name of its task."""

    name: ModelName | None = None


def run(
    settings: Settings,
    *,
    exported: Path,
    examples: Path,
    report: Path,
    registry: Path,
    published: Path,
) -> None:
    """Writes the artifact `published`, whose manifest tells what became of the model.

    about: name, version (None if not blessed), path of the version's folder, reasons. A version
    holds the files that passed the gate, the report's pages (see publishing.layout) and
    profile.json, which tells what the examples were like. The same exported folder is published
    once, and not again after it was rolled back. Raises DataError if the report is of another
    model.
    """
    exported_digest = digest(exported)
    if read_manifest(report, "report").about["exported"] != exported_digest:
        raise DataError(f"{report}: not a report on {exported}; run evaluate on it")
    spec = ModelSpec.read(exported)
    name = settings.name or spec.task
    verdict = Verdict.read(report)
    reasons = list(verdict.reasons)
    passed = {file.name for file in verdict.files if file.passed}

    def fill(folder: Path) -> None:
        lay_out(exported, passed, folder)
        for file in FROM_REPORT:
            shutil.copyfile(report / file, folder / file)
        tokenizer = Tokenizer.from_vocab(exported / "vocab.txt", spec.encoder.do_lower_case)
        Profile.of(examples, tokenizer).write(folder)

    version = add_version(registry / name, exported_digest, fill) if verdict.blessed else None
    if version in withdrawn(registry / name):
        reasons.append(f"it is version {version}, which was rolled back")
        version = None
    path = str(registry / name / str(version)) if version else None
    about = {"name": name, "version": version, "path": path, "reasons": reasons}
    with new_artifact(published, "published", about):
        pass
    print(f"published {name} version {version}: {path}" if version else "nothing published")
