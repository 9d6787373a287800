"""Models at gs:// addresses, brought to this disk once."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bertline.errors import ConfigError, StorageError
from bertline.export.listing import FILE_NAME
from bertline.files import check_readable
from bertline.storage import fetch, sources_digest
from bertline.storage.gcs import beginning
from bertline.storage.partial import cache_folder

SCHEME = "gs://"


def local_path(model: str | Path) -> Path:
    """Where on this disk the model, or the file of a model, at a path or an address is.

    model: a path, which is used in place; or gs://<bucket>/…, an exported folder, a version folder
    of a registry, a model's folder in a registry, of which the `latest` version is taken, or what
    follows after one of these to name a file. The folder is brought to the cache, unless it is
    there with the same contents. Raises ConfigError where no model is, StorageError.
    """
    address = str(model)
    if "://" not in address:
        return check_readable(Path(model))
    if not address.startswith(SCHEME):
        raise StorageError(f"{address}: models lie in folders or at {SCHEME}; give such a one")
    for place in _upwards(address.rstrip("/")):
        rest = address[len(place) :].strip("/")
        if beginning(f"{place}/{FILE_NAME}"):
            return _cached(place) / rest
        if beginning(f"{place}/latest"):
            return _cached(f"{place}/{_latest(place)}") / rest
    raise ConfigError(
        f"{address}: no model (no {FILE_NAME}); give a folder that export or publish wrote"
    )


def _upwards(address: str) -> Iterator[str]:
    """The address and the folders above it, without the bucket itself."""
    while "/" in address.removeprefix(SCHEME):
        yield address
        address = address.rpartition("/")[0]


def _latest(place: str) -> str:
    with tempfile.TemporaryDirectory(prefix="bertline-") as work:
        file = fetch(f"{place}/latest", Path(work) / "latest")
        return file.read_text(encoding="utf-8").strip()


def _cached(place: str) -> Path:
    folder = cache_folder() / "models" / sources_digest([place])
    name = place.rpartition("/")[2]
    return folder / name if folder.is_dir() else fetch(place, folder)
