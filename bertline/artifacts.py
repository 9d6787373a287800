"""The on-disk form of what passes between stages: folders with a manifest.

An artifact is a folder holding `manifest.json` (its kind, a format version, what the kind needs to
be understood, and the SHA-256 of each file) beside its files. It is written under a temporary name
and renamed, so it is there whole or not at all. The digest of an artifact is the SHA-256 of its
manifest, and so of everything in it. `bertline.integrity` compares the files with the manifest.

kind      files                                        written by
encoder   weights.safetensors, encoder.json, vocab.txt import_checkpoint (head.safetensors and
                                                       head.json beside, if it has a head)
examples  <split>.jsonl                                ingest
features  <split>-NNNNN-of-NNNNN.tfrecord, vocab.txt   tokenize, merge_features (features_shard:
                                                       tokenize, one file a split)
model     weights.safetensors, model.json, vocab.txt   finetune (history.json beside)
exported  model.json, vocab.txt, and a file or folder  export, convert (encoder.json
          for each format (exports.json lists them)    where there is no head)
report    metrics.json, report.html, verdict.json, …   evaluate, compare_models
drift     drift.json, drift.html                       compare_data
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Self

from pydantic import field_validator

from bertline.config import Config
from bertline.errors import DataError
from bertline.files import FOLDER, naming, new_file, replaceable
from bertline.leftovers import held_folder
from bertline.replacement import fsync, replace_folder, restore_folder

FORMAT_VERSION = 1
MANIFEST = "manifest.json"


class Manifest(Config):
    """What an artifact folder holds.

    kind: one of the kinds above. about: facts of the kind that readers need (labels, counts, …).
    files: relative path → SHA-256 in hex of every other file of the folder. sha256: of all this, in
    hex; None in artifacts of early versions, and until the manifest is sealed.
    """

    kind: str
    format_version: int = FORMAT_VERSION
    about: dict[str, Any] = {}
    files: dict[str, str]
    sha256: str | None = None

    @field_validator("files")
    @classmethod
    def _lie_in_the_folder(cls, files: dict[str, str]) -> dict[str, str]:
        for name in files:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{name!r} leads out of the folder; make the artifact again")
        return files

    def sealed(self) -> Self:
        """The manifest with its own checksum."""
        return self.model_copy(update={"sha256": self._checksum()})

    @property
    def is_damaged(self) -> bool:
        """Whether the manifest is not what was sealed."""
        return self.sha256 not in (None, self._checksum())

    def _checksum(self) -> str:
        # By way of JSON, where tuples are lists and all keys are texts.
        values = json.loads(json.dumps(self.model_dump(exclude={"sha256"})))
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


@contextlib.contextmanager
def new_folder(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """A temporary folder that becomes `path` when the block ends without an exception.

    A folder that stood at `path` before is replaced, at the end of links if it is one. On an
    exception nothing changes at `path`. durable: whether it has to outlive a power cut too, which
    takes minutes for tens of thousands of files. Raises StorageError where no folder can stand.
    """
    path = replaceable(path, FOLDER)
    path.parent.mkdir(parents=True, exist_ok=True)
    restore_folder(path)
    with held_folder(path.parent, path.name) as temporary:
        with naming(path, temporary):
            yield temporary
            for file in [*temporary.rglob("*"), temporary] if durable else []:
                fsync(file)
        replace_folder(temporary, path)


@contextlib.contextmanager
def new_artifact(path: Path, kind: str, about: Mapping[str, Any] | None = None) -> Iterator[Path]:
    """As `new_folder`, and adds the manifest last.

    `about` is read when the block ends, so a dict may be filled inside the block.
    """
    with new_folder(path) as folder:
        yield folder
        files = {
            str(file.relative_to(folder)): file_sha256(file)
            for file in files_of(folder)
            if file != folder / MANIFEST  # of an artifact whose files were copied
        }
        manifest = Manifest(kind=kind, about=dict(about or {}), files=files)
        write_json(folder / MANIFEST, manifest.sealed().model_dump())


def read_manifest(path: Path, kind: str | None = None) -> Manifest:
    """The manifest of the artifact at `path`; raises DataError if it is not one of `kind`.

    kind: by default any.
    """
    file = path / MANIFEST
    if not file.is_file():
        wanted = f"bertline {kind} folder" if kind else "folder that bertline wrote"
        raise DataError(f"{path}: not a {wanted} (no {MANIFEST}); give one")
    return parse_manifest(file.read_bytes(), str(path), kind)


def parse_manifest(content: bytes, where: str, kind: str | None = None) -> Manifest:
    """As `read_manifest`, of the bytes of a manifest; where: the artifact's path or address."""
    file = f"{where}/{MANIFEST}"
    manifest = Manifest.parse(_parse_json(content, file), where=file)
    if manifest.is_damaged:
        raise DataError(f"{file}: damaged (its checksum differs); make the folder again")
    if kind not in (None, manifest.kind):
        raise DataError(f"{where}: holds {manifest.kind!r}, expected {kind!r}; give another folder")
    if manifest.format_version != FORMAT_VERSION:
        raise DataError(
            f"{where}: format version {manifest.format_version}, this bertline reads "
            f"{FORMAT_VERSION}; write it again with this version"
        )
    return manifest


def digest(path: Path) -> str:
    """SHA-256 in hex of the artifact's manifest, and so of its whole content."""
    return file_sha256(path / MANIFEST)


def fingerprint(*parts: str) -> str:
    """SHA-256 in hex over the parts in order: the name of a piece of work with these inputs."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def files_of(folder: Path) -> list[Path]:
    """All files below `folder`, sorted by relative path."""
    return sorted(f for f in folder.rglob("*") if f.is_file())


def file_sha256(path: Path) -> str:
    """SHA-256 in hex of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in `path`; raises DataError if it is missing or malformed."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; the folder is not complete") from None
    return _parse_json(content, str(path))


def _parse_json(content: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: malformed JSON ({error}); write the file again") from None
    if not isinstance(value, dict):
        raise DataError(f"{where}: expected a JSON object; write the file again")
    return value


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes `value` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes `text` in UTF-8, whole or not at all; raises what `new_file` raises."""
    with new_file(path) as stream:
        stream.write(text.encode("utf-8"))


class Document(Config):
    """A configuration that is a JSON file of its own, `file_name`, in a folder."""

    file_name: ClassVar[str]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The document of a folder; raises DataError or ConfigError."""
        file = folder / cls.file_name
        return cls.parse(read_json(file), where=str(file))

    def write(self, folder: Path) -> None:
        """Writes the document into a folder, whole or not at all."""
        write_json(folder / self.file_name, self.model_dump())
