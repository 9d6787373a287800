"""A fingerprint for each stage: equal fingerprints, equal outputs, so the stage need not run."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from bertline.artifacts import file_sha256
from bertline.code_version import code_version
from bertline.modeling.checkpoints.source import files_behind
from bertline.storage import sources_digest
from bertline.tables.stages import STAGES
from pipelines.recipe import CHECKSUMS, as_list

COMPONENTS = Path(__file__).parent.parent / "components"


def fingerprints(
    settings: Mapping[str, str], upstream: Mapping[str, Sequence[str]], image_id: str = ""
) -> dict[str, str]:
    """Stage → SHA-256 in hex of everything that decides what the stage writes.

    That is its settings (JSON) if it has some, the fingerprints of the stages it takes inputs from,
    the content of the files it reads from outside the line, its code (the modules of bertline it
    reaches, its component, the lock file), and the image it runs in, if any. A stage that reads the
    registry has another fingerprint at each call, and so have those after it. Raises StorageError
    for a source that cannot be read.
    """
    found: dict[str, str] = {}

    def fingerprint(stage: str) -> str:
        if stage not in found:
            parts = {
                "stage": stage,
                "settings": settings.get(stage),
                "upstream": [fingerprint(other) for other in upstream[stage]],
                "sources": _source_digest(stage, settings.get(stage, "{}")),
                "code": code_version(f"bertline.stages.{stage}"),
                "component": file_sha256(COMPONENTS / f"{stage}.py"),
                "image": image_id,
                "call": uuid.uuid4().hex if STAGES[stage].reads_registry else None,
            }
            found[stage] = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        return found[stage]

    return {stage: fingerprint(stage) for stage in upstream}


def sources(stage: str, settings: str) -> list[str]:
    """Paths and addresses of all that a stage with these settings (JSON) reads from outside."""
    return [file for source in named_sources(stage, settings) for file in files_behind(source)]


def named_sources(stage: str, settings: str) -> list[str]:
    """What the settings (JSON) of a stage name of it: a checkpoint may be many files."""
    values = json.loads(settings)
    named = [values[key] for key in STAGES[stage].sources if values.get(key)]
    return [source for value in named for source in as_list(value)]


def _source_digest(stage: str, settings: str) -> str:
    checksums = json.loads(settings).get(CHECKSUMS, ())
    return sources_digest(sources(stage, settings), checksums)
