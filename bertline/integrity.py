"""Whether artifacts are what was written: their files compared with their manifests."""

import json
from pathlib import Path
from typing import Any

from bertline.artifacts import MANIFEST, Manifest, file_sha256, read_manifest, write_json
from bertline.errors import DataError

Signature = tuple[int, int, int, int]
"""Size, times of the last change of content and of the entry in ns, and inode of a file."""


class Hashes:
    """SHA-256 of files, computed again only where size, times or inode have changed.

    file: where this is kept from process to process; None keeps it in memory. Paths there are
    relative to `root`, so that nothing is lost when both move together.
    """

    def __init__(self, file: Path | None = None, root: Path = Path("/")) -> None:
        self._file, self._root = file, root
        self._known: dict[str, tuple[Signature, str]] = {}
        self._kept = {} if file is None else _read(file)

    def sha256(self, file: Path) -> str:
        """SHA-256 in hex of a file's bytes."""
        name, found = str(file.relative_to(self._root)), _signature(file)
        known = self._known.get(name) or self._kept.get(name)
        if known is None or known[0] != found:
            known = found, file_sha256(file)
        self._known[name] = known
        return known[1]

    def keep(self) -> None:
        """Writes what was asked for to the file, for the next process."""
        if self._file is not None and self._known != self._kept:
            write_json(self._file, self._known)


HASHES = Hashes()
"""Those of this process."""


def verify(folder: Path, kind: str | None = None, hashes: Hashes = HASHES) -> Manifest:
    """The manifest of the artifact at `folder`, once every file of it has the right SHA-256.

    kind: what it has to be, by default any. Raises DataError that names the file which is missing
    or damaged, or the manifest.
    """
    manifest = read_manifest(folder, kind)
    for name, expected in manifest.files.items():
        file = folder / name
        if not file.is_file():
            raise DataError(f"{file}: missing; make the folder again or bring a whole copy of it")
        if hashes.sha256(file.absolute()) != expected:
            raise DataError(
                f"{file}: damaged (its SHA-256 is not the manifest's); make the folder again or "
                "bring a whole copy of it"
            )
    return manifest


def verify_if_artifact(path: Path) -> None:
    """As `verify`, where `path` is a folder with a manifest; does nothing elsewhere."""
    if (path / MANIFEST).exists():
        verify(path)


def _signature(file: Path) -> Signature:
    found = file.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _read(file: Path) -> dict[str, tuple[Signature, str]]:
    """What `Hashes.keep` wrote; nothing where that cannot be read."""
    try:
        values: Any = json.loads(file.read_bytes())
        return {name: (tuple(signature), sha256) for name, (signature, sha256) in values.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
