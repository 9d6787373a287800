"""A fingerprint for each stage: equal fingerprints, equal outputs, so the stage need not run."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from bertline.artifacts import file_sha256
from bertline.code_version import code_version
from bertline.modeling.checkpoints import packaged
from bertline.storage import source_digest
from pipelines.recipe import SOURCES

COMPONENTS = Path(__file__).parent.parent / "components"


def fingerprints(
    settings: Mapping[str, str], upstream: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Stage → SHA-256 in hex of everything that decides what the stage writes.

    That is its settings (JSON), the fingerprints of the stages it takes inputs from, the content
    of the files it reads from outside the line, and its code: the modules of bertline it reaches,
    its component, and the lock file. Raises StorageError for a source that cannot be read.
    """
    found: dict[str, str] = {}

    def fingerprint(stage: str) -> str:
        if stage not in found:
            parts = {
                "stage": stage,
                "settings": settings[stage],
                "upstream": [fingerprint(other) for other in upstream[stage]],
                "source": _source_digest(stage, settings[stage]),
                "code": code_version(f"bertline.stages.{stage}"),
                "component": file_sha256(COMPONENTS / f"{stage}.py"),
            }
            found[stage] = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        return found[stage]

    return {stage: fingerprint(stage) for stage in settings}


def _source_digest(stage: str, settings: str) -> str | None:
    source: str | None = json.loads(settings)[SOURCES[stage]] if stage in SOURCES else None
    if source is None:
        return None
    return source_digest(str(packaged.folder()) if source == packaged.NAME else source)
