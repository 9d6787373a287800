"""A registry: numbered versions of models, as model servers expect, and the name of the latest.

<registry>/<name>/1/, 2/, …  versions, each there whole or not at all and never changed
<registry>/<name>/latest     a text file with the number of the version to use
<registry>/<name>/withdrawn  the numbers of versions that were rolled back, one a line

A registry is a folder, or an address gs://<bucket>/…; publishing.folder and publishing.bucket tell
how each of them keeps this. `latest` is the highest version that was not rolled back. It is a file
and not a link, because object stores have no links and servers would take a link to a folder for
one more version. It is replaced in one step, in a folder under a lock, in a bucket on condition of
what was read: it does not go back but by a roll-back. Only blessed models get in.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bertline.artifacts import new_artifact
from bertline.errors import ConfigError, StorageError
from bertline.publishing.bucket import BucketShelf
from bertline.publishing.folder import FolderShelf
from bertline.publishing.shelf import KIND, Shelf
from bertline.storage.bucket import opened
from bertline.versions import LATEST

ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
"""What a model is called in a registry."""


def model_address(registry: Path | str, name: str) -> str:
    """Where a registry, a folder or an address, has the versions of a model: <registry>/<name>."""
    return f"{str(registry).rstrip('/')}/{name}"


def add_version(model: Path | str, source: str, fill: Callable[[Path], object]) -> int:
    """The number of the version of `model` (<registry>/<name>) that was made from `source`.

    source: digest of an exported folder; if a version of it is there and whole, nothing is added.
    fill: writes the content into the empty folder it is given. Several processes may add at once:
    each takes the next free number, and `latest` ends at the highest that was not rolled back,
    which the version of `source` may be. Raises StorageError, and DataError for a damaged version.
    """
    with _shelf(model) as shelf:
        version = _find(shelf, source)
        if version is not None:
            shelf.verify(version)
        else:
            with shelf.staging() as staging:
                with new_artifact(staging, KIND, {"source": source}) as folder:
                    fill(folder)
                with shelf.alone():
                    # Another process may have been faster.
                    version = _find(shelf, source) or shelf.put(staging)
        try:
            with shelf.alone():
                _settle(shelf, model)
        except OSError as error:
            raise StorageError(
                f"{model}: version {version} is there, but {LATEST} could not be written "
                f"({error.strerror or error}); run the same command again when it can"
            ) from error
    return version


def roll_back(model: Path | str, to: int | None = None) -> int:
    """The number that `latest` says now: `to`, or the version before the latest.

    Higher versions are withdrawn: they stay, and are not `latest` again unless `to` names one.
    What is published next gets the next free number as ever. Raises StorageError, and ConfigError,
    changing nothing, where there is no such version.
    """
    with _shelf(model) as shelf:
        known = shelf.versions()
        if not known:
            raise ConfigError(
                f"{model}: no model of that name in the registry; check the name and the registry"
            )
        if to is not None and to not in known:
            raise ConfigError(f"{model}: no version {to}; there are: {', '.join(map(str, known))}")
        with shelf.alone():
            if to is None:
                to = _before_latest(shelf, model)
            while True:
                seen = shelf.withdrawn()
                higher = {number for number in shelf.versions() if number > to}
                if shelf.withdraw((seen.numbers | higher) - {to}, seen):
                    break
            # Written even if it says so: what another process has read of it is old from here on.
            shelf.move_latest(to, shelf.latest())
            _settle(shelf, model)
    return to


def versions(model: Path | str) -> list[int]:
    """The numbers of the versions, ascending."""
    with _shelf(model) as shelf:
        return shelf.versions()


def find_version(model: Path | str, source: str) -> int | None:
    """The number of the version that was made from `source`; None if there is none."""
    with _shelf(model) as shelf:
        return _find(shelf, source)


def read_latest(model: Path | str) -> int | None:
    """The version to use; None if there is none yet."""
    with _shelf(model) as shelf:
        return shelf.latest().number


def withdrawn(model: Path | str) -> set[int]:
    """The numbers of the versions that were rolled back."""
    with _shelf(model) as shelf:
        return set(shelf.withdrawn().numbers)


@contextlib.contextmanager
def _shelf(model: Path | str) -> Iterator[Shelf]:
    """The shelf of `model`; a Path is a folder, a text may be an address too."""
    address = str(model)
    if "://" not in address:
        yield FolderShelf(Path(model))
    elif address.startswith("gs://"):
        with opened(address) as (bucket, key):
            yield BucketShelf(bucket, key)
    else:
        raise StorageError(f"{address}: a registry is a folder or at gs://; give such a one")


def _find(shelf: Shelf, source: str) -> int | None:
    return next((number for number in shelf.versions() if shelf.source(number) == source), None)


def _before_latest(shelf: Shelf, model: Path | str) -> int:
    # A roll-back that was killed may have withdrawn `latest` itself; the next one ends the same.
    latest = shelf.latest().number or 0
    before = [number for number in _offered(shelf) if number < latest]
    if not before:
        raise ConfigError(f"{model}: no version before the latest; publish another one first")
    return before[-1]


def _settle(shelf: Shelf, model: Path | str) -> None:
    """Lets `latest` be the highest version that was not rolled back."""
    # Another process may have added or withdrawn one since: look again after each writing.
    while True:
        latest, offered = shelf.latest(), _offered(shelf)
        if not offered:
            raise StorageError(f"{model}: all versions are withdrawn; roll back to one of them")
        if latest.number == offered[-1]:
            return
        shelf.move_latest(offered[-1], latest)


def _offered(shelf: Shelf) -> list[int]:
    """The versions that were not rolled back, ascending."""
    gone = shelf.withdrawn().numbers
    return [number for number in shelf.versions() if number not in gone]
