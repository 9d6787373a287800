"""A registry: folders of numbered versions, as model servers expect, and the name of the latest.

<registry>/<name>/1/, 2/, …  versions, each moved in whole and never changed after that
<registry>/<name>/latest     a text file with the number of the version to use
<registry>/<name>/withdrawn  the numbers of versions that were rolled back, one a line

`latest` is the highest version that was not rolled back. It is a file and not a link, because
object stores have no links and servers would take a link to a folder for one more version. It is
replaced in one step. Only blessed models get in.
"""

import errno
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bertline.artifacts import MANIFEST, fsync, new_artifact, read_manifest, write_text
from bertline.errors import ConfigError, StorageError

KIND = "exported"
LATEST = "latest"
WITHDRAWN = "withdrawn"

ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""A model's folder in a registry."""


def add_version(model: Path, source: str, fill: Callable[[Path], object]) -> int:
    """The number of the version of `model` (<registry>/<name>) that was made from `source`.

    source: digest of an exported folder; if a version of it is there, nothing is added. fill:
    writes the content into the empty folder it is given. Several processes may add at once: each
    takes the next free number, and `latest` ends at the highest that was not rolled back, which
    the version of `source` may be. Raises StorageError.
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
    _settle(model)
    return version


def roll_back(model: Path, to: int | None = None) -> int:
    """The number that `latest` says now: `to`, or the version before the latest.

    Higher versions are withdrawn: they stay, and are not `latest` again unless `to` names one.
    What is published next gets the next free number as ever. Raises ConfigError, changing nothing,
    where there is no such version.
    """
    known, gone = versions(model), withdrawn(model)
    if to is None:
        before = [number for number in known if number not in gone][:-1]
        if not before:
            raise ConfigError(f"{model}: no version before the latest; publish another one first")
        to = before[-1]
    elif to not in known:
        there = ", ".join(map(str, known)) or "none"
        raise ConfigError(f"{model}: no version {to}; there are: {there}")
    gone = {*gone, *(number for number in known if number > to)} - {to}
    write_text(model / WITHDRAWN, "".join(f"{number}\n" for number in sorted(gone)))
    _settle(model)
    return to


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


def withdrawn(model: Path) -> set[int]:
    """The numbers of the versions that were rolled back."""
    file = model / WITHDRAWN
    return set(map(int, file.read_text(encoding="utf-8").split())) if file.is_file() else set()


def _settle(model: Path) -> None:
    """Lets `latest` be the highest version that was not rolled back."""
    # Another process may have added or withdrawn one since: look again after each writing.
    while read_latest(model) != (highest := max({*versions(model)} - withdrawn(model))):
        write_text(model / LATEST, f"{highest}\n")


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
