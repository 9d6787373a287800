"""What people name a model by → its exported folder and the file in it."""

from pathlib import Path
from typing import NamedTuple

from bertline.config import nearest
from bertline.errors import ConfigError
from bertline.evaluation.remote import INSIDE, local_path
from bertline.export.listing import FILE_NAME, Exports
from bertline.modeling.config import ModelSpec
from bertline.versions import LATEST, read_version


class ModelPlace(NamedTuple):
    """An exported folder on this disk; name: of the file in it, None where none was named."""

    folder: Path
    name: str | None


def find_model(address: str | Path, verified: bool = True) -> ModelPlace:
    """The model at a path or a gs:// address.

    address: an exported folder, a version in a registry, a model in a registry (its latest version
    is taken), a run's folder or that of its stage export or convert (what it exported is taken), or
    one of these followed by the name or path of a file. verified: as in `local_path`, whose errors
    are raised too. Raises ConfigError, which names `address`, where there is no exported model.
    """
    path = local_path(address, verified)
    for folder in (path, *path.parents):
        exported = _exported(folder)
        if exported is not None:
            rest = path.relative_to(folder).as_posix()
            name = None if rest == "." else _file_name(exported, rest, address)
            return ModelPlace(exported, name)
        if (folder / ModelSpec.file_name).is_file():
            raise ConfigError(
                f"{address}: a model that is not exported; write its files with `bertline convert`"
            )
    raise ConfigError(f"{address}: {_advice(path)}")


def _exported(folder: Path) -> Path | None:
    """The exported folder that `folder` is or leads to."""
    places = [folder / inside for inside in INSIDE]
    file = folder / LATEST
    if file.is_file():
        version = folder / str(read_version(file.read_bytes(), str(file)))
        if not version.is_dir():
            raise ConfigError(
                f"{file}: names version {version.name}, which is not there; write another"
            )
        places.append(version)
    return next((place for place in places if (place / FILE_NAME).is_file()), None)


def _file_name(folder: Path, rest: str, address: str | Path) -> str:
    """The name of the file that `rest` names: by its name, its path or something below it."""
    files = Exports.read(folder).files
    for file in files:
        if rest in (file.name, file.path) or rest.startswith(f"{file.name}/"):
            return file.name
    names = [file.name for file in files]
    raise ConfigError(f"{address}: no exported file {rest!r}; {nearest(rest, names)}")


def _advice(path: Path) -> str:
    """Why there is no model at `path`, and what to give."""
    models = sorted(file.parent.name for file in path.glob(f"*/{LATEST}"))
    if models:
        return f"a registry; add the name of one of its models: {', '.join(models)}"
    if not path.exists():
        return f"no such file or folder, and no model (no {FILE_NAME}) above it; correct the path"
    return f"no model (no {FILE_NAME}); give a folder that export or publish wrote, or a run's"
