"""Models at gs:// addresses, brought to this disk once."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bertline.errors import ConfigError, StorageError
from bertline.export.listing import FILE_NAME
from bertline.storage import fetch, sources_digest
from bertline.storage.gcs import beginning
from bertline.storage.partial import cache_folder

SCHEME = "gs://"
LATEST = "latest"
"""The file of a model in a registry that holds the number of the version in use."""
INSIDE = ("", "exported", "export/exported", "convert/exported")
"""Where an exported folder is: in itself, in the folder of a stage, in that of a run."""


def local_path(model: str | Path) -> Path:
    """Where on this disk the model, or the file of a model, at a path or an address is.

    model: a path, which is used in place; or gs://<bucket>/…, any of what address.find_model takes.
    The exported folder is brought to the cache, unless it is there with the same contents. Raises
    ConfigError where no model is, StorageError.
    """
    address = str(model)
    if "://" not in address:
        return Path(model)
    if not address.startswith(SCHEME):
        raise StorageError(f"{address}: models lie in folders or at {SCHEME}; give such a one")
    for place in _upwards(address.rstrip("/")):
        rest = address[len(place) :].strip("/")
        for folder in (f"{place}/{inside}".rstrip("/") for inside in INSIDE):
            if beginning(f"{folder}/{FILE_NAME}"):
                return _cached(folder) / rest
        if beginning(f"{place}/{LATEST}"):
            return _cached(f"{place}/{_latest(place)}") / rest
    raise ConfigError(
        f"{address}: no model (no {FILE_NAME}); give a folder that export or publish wrote"
    )


def _upwards(address: str) -> Iterator[str]:
    """The address and the folders above it, without the bucket itself."""
    while "/" in address.removeprefix(SCHEME):
        yield address
        address = address.rpartition("/")[0]


def version_in(latest: bytes, where: str) -> str:
    """The version that the file `latest` of a model names; ConfigError if that is no number.

    where: the model's folder, for the message. Anything else could lead out of the registry.
    """
    text = latest.decode("ascii", errors="replace").strip()
    if not text.isdecimal():
        raise ConfigError(
            f"{where}/{LATEST}: holds {text!r:.40} and no version; `bertline rollback` writes it"
        )
    return text


def _latest(place: str) -> str:
    with tempfile.TemporaryDirectory(prefix="bertline-") as work:
        file = fetch(f"{place}/{LATEST}", Path(work) / LATEST)
        return version_in(file.read_bytes(), place)


def _cached(place: str) -> Path:
    folder = cache_folder() / "models" / sources_digest([place])
    name = place.rpartition("/")[2]
    return folder / name if folder.is_dir() else fetch(place, folder)
