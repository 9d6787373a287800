"""Models at gs:// addresses, brought to this disk once."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from bertline.errors import ConfigError, DataError, StorageError
from bertline.export.listing import FILE_NAME
from bertline.files import check_readable
from bertline.integrity import verify_if_artifact
from bertline.leftovers import sweep, temporary_folder
from bertline.storage import fetch, sources_digest
from bertline.storage.gcs import beginning
from bertline.storage.partial import cache_folder
from bertline.versions import LATEST, read_version

SCHEME = "gs://"
INSIDE = ("", "exported", "export/exported", "convert/exported")
"""Where an exported folder is: in itself, in the folder of a stage, in that of a run."""


def local_path(model: str | Path, verified: bool = True) -> Path:
    """Where on this disk the model, or the file of a model, at a path or an address is.

    model: a path, which is used in place; or gs://<bucket>/…, any of what address.find_model takes.
    The exported folder is brought to the cache, unless it is there with the same contents.
    verified: a copy there that is damaged is brought again; False takes it as it is. Raises
    ConfigError where no model is, StorageError, and DataError for a model that is damaged in its
    bucket.
    """
    address = str(model)
    if "://" not in address:
        return check_readable(Path(model))
    if not address.startswith(SCHEME):
        raise StorageError(f"{address}: models lie in folders or at {SCHEME}; give such a one")
    for place in _upwards(address.rstrip("/")):
        rest = address[len(place) :].strip("/")
        for folder in (f"{place}/{inside}".rstrip("/") for inside in INSIDE):
            if beginning(f"{folder}/{FILE_NAME}"):
                return _cached(folder, verified) / rest
        if beginning(f"{place}/{LATEST}"):
            return _cached(f"{place}/{_latest(place)}", verified) / rest
    raise ConfigError(
        f"{address}: no model (no {FILE_NAME}); give a folder that export or publish wrote"
    )


def _upwards(address: str) -> Iterator[str]:
    """The address and the folders above it, without the bucket itself."""
    while "/" in address.removeprefix(SCHEME):
        yield address
        address = address.rpartition("/")[0]


def _latest(place: str) -> int:
    with temporary_folder() as work:
        file = fetch(f"{place}/{LATEST}", work / LATEST)
        return read_version(file.read_bytes(), f"{place}/{LATEST}")


def _cached(place: str, verified: bool) -> Path:
    copies = cache_folder() / "models"
    sweep(copies)
    folder = copies / sources_digest([place])
    copy = folder / place.rpartition("/")[2]
    if folder.is_dir() and not verified:
        return copy
    if folder.is_dir():
        try:
            verify_if_artifact(copy)
        except DataError as error:
            problem = str(error).partition(";")[0]
            print(f"{problem}; the model is fetched again", file=sys.stderr)
            shutil.rmtree(folder)
        else:
            return copy
    found = fetch(place, folder)
    if verified:
        verify_if_artifact(found)
    return found
