"""A registry: numbered versions of models, as model servers expect, and the name of the latest.

<registry>/<name>/1/, 2/, …  versions, each there whole or not at all and never changed
<registry>/<name>/latest     a text file with the number of the version to use

A registry is a folder, or an address gs://<bucket>/…; publishing.folder and publishing.bucket tell
how each of them keeps this. `latest` is a file and not a link, because object stores have no links
and servers would take a link to a folder for one more version. It is replaced in one step. Only
blessed models get in.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from bertline.artifacts import new_artifact
from bertline.errors import StorageError
from bertline.publishing.bucket import BucketShelf
from bertline.publishing.folder import FolderShelf
from bertline.publishing.shelf import KIND, Shelf
from bertline.storage.bucket import opened


def add_version(model: Path | str, source: str, fill: Callable[[Path], object]) -> int:
    """The number of the version of `model` (<registry>/<name>) that was made from `source`.

    source: digest of an exported folder; if a version of it is there, nothing is added. fill:
    writes the content into the empty folder it is given. Several processes may add at once: each
    takes the next free number, and `latest` ends at the highest. Raises StorageError.
    """
    with _shelf(model) as shelf:
        version = _find(shelf, source)
        if version is None:
            with shelf.staging() as staging:
                with new_artifact(staging, KIND, {"source": source}) as folder:
                    fill(folder)
                version = shelf.put(staging)
        # Another process may have added a higher version since: look again after each writing.
        while (latest := shelf.latest()).number != (highest := shelf.versions()[-1]):
            shelf.move_latest(highest, latest)
    return version


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
