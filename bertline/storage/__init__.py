"""Local paths, http(s):// and gs:// addresses behind one small interface.

fetch brings them to local disk, unpack opens archives, and source_digest tells whether their
contents changed, without bringing them.
"""

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

from bertline.artifacts import file_sha256, files_of, new_folder
from bertline.errors import StorageError
from bertline.storage import gcs, web
from bertline.storage.archive import unpack

__all__ = ["fetch", "source_digest", "unpack"]

REMOTE = {"http": web, "https": web, "gs": gcs}


def fetch(source: str, folder: Path) -> Path:
    """The local file or folder that `source` names; what is local is used in place.

    What is remote becomes the one thing in `folder`, whole or not at all: a file from http(s)://,
    an object or all objects below a prefix from gs://, whose checksums are compared. Raises
    StorageError for what is missing, refused or damaged, and OSError for a full disk.
    """
    scheme = _scheme(source)
    if not scheme:
        return _local(source)
    with new_folder(folder) as new:
        path: Path = REMOTE[scheme].download(source, new)
    return folder / path.name


def source_digest(source: str) -> str:
    """SHA-256 in hex of what `source` holds, found without downloading it.

    Local: names relative to `source` and contents. gs://: object names, sizes and checksums.
    http(s)://: the validators that the server gives; without any, each call gives another
    digest. Raises StorageError.
    """
    scheme = _scheme(source)
    if scheme:
        return hashlib.sha256(REMOTE[scheme].fingerprint(source).encode()).hexdigest()
    path = _local(source)
    files = files_of(path) if path.is_dir() else [path]
    lines = [f"{file_sha256(file)}  {file.relative_to(path)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _scheme(source: str) -> str | None:
    """The scheme of an address, or None for a local path."""
    if "://" not in source:
        return None
    scheme = urlsplit(source).scheme
    if scheme not in REMOTE:
        known = ", ".join(f"{name}://" for name in REMOTE)
        raise StorageError(f"{source}: {scheme}:// is not supported; use a path or {known}")
    return scheme


def _local(source: str) -> Path:
    path = Path(source).expanduser()
    if not path.exists():
        raise StorageError(f"{source}: no such file or folder; check the path")
    return path
