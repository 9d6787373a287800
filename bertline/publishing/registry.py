"""A registry: folders of numbered versions, as model servers expect, and the name of the latest.

<registry>/<name>/1/, 2/, …  versions, each moved in whole and never changed after that
<registry>/<name>/latest     a text file with the number of the version to use

`latest` is a file and not a link, because object stores have no links and servers would take a
link to a folder for one more version. It is replaced in one step. Only blessed models get in.
"""

import errno
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from bertline.artifacts import MANIFEST, fsync, new_artifact, read_manifest, write_text
from bertline.errors import StorageError

KIND = "exported"
LATEST = "latest"


def add_version(model: Path, source: str, fill: Callable[[Path], object]) -> int:
    """The number of the version of `model` (<registry>/<name>) that was made from `source`.

    source: digest of an exported folder; if a version of it is there, nothing is added. fill:
    writes the content into the empty folder it is given. Several processes may add at once: each
    takes the next free number, and `latest` ends at the highest. Raises StorageError.
    """
    version = find_version(model, source)
    if version is None:
        staging = model / f".{uuid.uuid4().hex[:8]}.staging"
        try:
            with new_artifact(staging, KIND, {"source": source}) as folder:
                fill(folder)
            version = _move_in(staging, model)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    # Another process may have added a higher version since: look again after each writing.
    while read_latest(model) != (highest := versions(model)[-1]):
        write_text(model / LATEST, f"{highest}\n")
    return version


def versions(model: Path) -> list[int]:
    """The numbers of the versions, ascending."""
    if not model.is_dir():
        return []
    return sorted(int(entry.name) for entry in model.iterdir() if entry.name.isdecimal())


def find_version(model: Path, source: str) -> int | None:
    """The number of the version that was made from `source`; None if there is none."""
    for version in versions(model):
        folder = model / str(version)
        if (folder / MANIFEST).is_file() and _source(folder) == source:
            return version
    return None


def read_latest(model: Path) -> int | None:
    """The version to use; None if there is none yet."""
    file = model / LATEST
    return int(file.read_text(encoding="utf-8")) if file.is_file() else None


def _source(folder: Path) -> object:
    return read_manifest(folder, KIND).about.get("source")


def _move_in(staging: Path, model: Path) -> int:
    """Renames `staging` to the next free number."""
    while True:
        version = max(versions(model), default=0) + 1
        try:
            staging.rename(model / str(version))
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise StorageError(f"{model}: cannot be written ({error.strerror})") from error
        else:
            fsync(model)
            return version
