"""publish: an exported model with its report → a version in a registry, if it is blessed."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertline.artifacts import digest, new_artifact, read_manifest
from bertline.config import Config
from bertline.drift.profile import Profile
from bertline.errors import DataError
from bertline.evaluation.gate import Verdict
from bertline.features.tokenizer import Tokenizer
from bertline.modeling.config import ModelSpec
from bertline.publishing.layout import lay_out
from bertline.publishing.registry import (
    ModelName,
    add_version,
    find_version,
    model_address,
    read_latest,
    withdrawn,
)

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
    registry: Path | str,
    published: Path,
) -> None:
    """Writes the artifact `published`, whose manifest tells what became of the model.

    registry: a folder, or as text an address gs://<bucket>/…. about: name, version (None if not
    blessed), path of the version's folder, reasons. A version holds the files that passed the gate,
    the report's pages (see publishing.layout) and profile.json, which tells what the examples were
    like. The same exported folder is published once, and not again after it was rolled back; one
    that was compared with a version is published only while that is in use. Raises DataError if the
    report is of another model, and StorageError.
    """
    exported_digest = digest(exported)
    judged = read_manifest(report, "report").about
    if judged["exported"] != exported_digest:
        raise DataError(f"{report}: not a report on {exported}; run evaluate on it")
    spec = ModelSpec.read(exported)
    name = settings.name or spec.task
    model = model_address(registry, name)
    verdict = Verdict.read(report)
    reasons = [*verdict.reasons, *_obstacles(model, exported_digest, judged)]
    passed = {file.name for file in verdict.files if file.passed}

    def fill(folder: Path) -> None:
        lay_out(exported, passed, folder)
        for file in FROM_REPORT:
            shutil.copyfile(report / file, folder / file)
        tokenizer = Tokenizer.from_vocab(exported / "vocab.txt", spec.encoder)
        Profile.of(examples, tokenizer).write(folder)

    version = None if reasons else add_version(model, exported_digest, fill)
    path = f"{model}/{version}" if version else None
    about = {"name": name, "version": version, "path": path, "reasons": reasons}
    with new_artifact(published, "published", about):
        pass
    print(f"published {name} version {version}: {path}" if version else "nothing published")


def _obstacles(model: str, source: str, judged: Mapping[str, Any]) -> list[str]:
    """What speaks against publishing, apart from the verdict; judged: what the report tells."""
    version, latest = find_version(model, source), read_latest(model)
    if version is not None and version in withdrawn(model):
        return [f"it is version {version}, which was rolled back"]
    champion = judged.get("champion", latest)
    if version is None and champion != latest:
        return [f"compared with version {champion}, but version {latest} is in use by now"]
    return []
