"""publish: an exported model with its report → a version in a registry, if it is blessed."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertline.artifacts import MANIFEST, digest, file_sha256, new_artifact, read_manifest
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
    published), path of the version's folder, latest (the version in use now), reasons. A version
    holds the files that passed the gate, the report's pages (see publishing.layout) and
    profile.json, which tells what the examples were like. Its files are those that evaluate read:
    each copy has the SHA-256 that the manifests of the exported folder and of the report tell. The
    same exported folder is published once, and not again after it was rolled back; one that was
    compared with a version is published only while that is in use. Raises DataError if the report
    is of another model or a file is damaged, and StorageError.
    """
    exported_digest = digest(exported)
    known, described = read_manifest(report, "report"), read_manifest(exported, "exported")
    judged = known.about
    if judged["exported"] != exported_digest:
        raise DataError(f"{report}: not a report on {exported}; run evaluate on it")
    spec = ModelSpec.read(exported)
    name = settings.name or spec.task
    model = model_address(registry, name)
    verdict = Verdict.read(report)
    reasons = [*verdict.reasons, *_obstacles(model, exported_digest, judged)]
    passed = {file.name for file in verdict.files if file.passed}

    def fill(folder: Path) -> None:
        expected = lay_out(exported, described, passed, folder)
        for file in FROM_REPORT:
            shutil.copyfile(report / file, folder / file)
            expected[file] = known.files[file]
        _check_copies(folder, expected, exported)
        tokenizer = Tokenizer.from_vocab(exported / "vocab.txt", spec.encoder)
        Profile.of(examples, tokenizer).write(folder)

    version = None if reasons else add_version(model, exported_digest, fill)
    path = f"{model}/{version}" if version else None
    latest = read_latest(model)
    about = {"name": name, "version": version, "path": path, "latest": latest, "reasons": reasons}
    with new_artifact(published, "published", about):
        pass
    print(f"published {name} version {version}: {path}" if version else "nothing published")


def _check_copies(folder: Path, expected: Mapping[str, str], exported: Path) -> None:
    for name, sha256 in expected.items():
        if file_sha256(folder / name) != sha256:
            raise DataError(
                f"{exported}: the copy of {name} is not what evaluate read (its SHA-256 is not the "
                f"one in {MANIFEST}); run the recipe again"
            )


def _obstacles(model: str, source: str, judged: Mapping[str, Any]) -> list[str]:
    """What speaks against publishing, apart from the verdict; judged: what the report tells."""
    version, latest = find_version(model, source), read_latest(model)
    if version is not None and version in withdrawn(model):
        return [f"it is version {version}, which was rolled back"]
    champion = judged.get("champion", latest)
    if version is None and champion != latest:
        return [f"compared with version {champion}, but version {latest} is in use by now"]
    return []
