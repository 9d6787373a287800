"""kfp's cache of the tasks of local runs: an entry a key, which names outputs elsewhere."""

from pathlib import Path
from typing import Any

from kfp import dsl
from kfp.local.cache import LocalCache

from bertline.artifacts import MANIFEST, Manifest, read_json
from bertline.errors import ConfigError, DataError
from pipelines.graph import tasks_of


def outputs_of(stage: str, pipeline: Any, cache: Path) -> dict[str, Any]:
    """The outputs of a stage that kfp has in its cache, by name; none if it has not run.

    None of a stage in a loop either: each of its turns has outputs of its own.
    """
    store = LocalCache(str(cache))
    (task,) = (task for name, task in tasks_of(pipeline) if name == stage)
    key = store.compute_key(
        component_name=task.component_ref.name,
        image="",
        full_command=[],
        arguments={},
        custom_cache_key=task.caching_options.cache_key,
    )
    return store.get(key) or {}


def drop_damaged(cache: Path) -> None:
    """Forgets the tasks in kfp's cache whose outputs lack files, so that they are run again."""
    store = LocalCache(str(cache))
    for entry in cache.glob("*.json"):
        outputs = (store.get(entry.stem) or {}).values()
        paths = [Path(output.uri) for output in outputs if isinstance(output, dsl.Artifact)]
        if not all(path.is_file() or _is_whole(path) for path in paths):
            entry.unlink()


def _is_whole(folder: Path) -> bool:
    try:
        manifest = Manifest.parse(read_json(folder / MANIFEST), where=str(folder))
    except (DataError, ConfigError):
        return False
    if manifest.about.get("path"):  # publish's note on the version that it put in the registry
        return Path(manifest.about["path"]).is_dir()
    return all((folder / name).is_file() for name in manifest.files)
