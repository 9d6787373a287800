import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bertline import integrity
from bertline.artifacts import (
    MANIFEST,
    file_sha256,
    files_of,
    new_artifact,
    read_json,
    write_json,
)
from bertline.errors import DataError, UserError
from bertline.integrity import Hashes, verify, verify_if_artifact


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    about = {"counts": {"train": 3}, "share": 0.25, "names": ("é", "b"), "lengths": {8: 1, 16: 2}}
    with new_artifact(tmp_path / "model", "model", about) as folder:
        (folder / "sub").mkdir()
        (folder / "sub/weights").write_bytes(b"weights")
        (folder / "vocab.txt").write_bytes(b"[PAD]\n[UNK]\n")
    return tmp_path / "model"


def flips(content: bytes) -> Iterator[bytes]:
    """The content with a bit flipped, of each byte another one."""
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        yield bytes(flipped)


def test_a_whole_artifact_gives_its_manifest(artifact: Path) -> None:
    manifest = verify(artifact, "model")
    assert manifest.about["counts"] == {"train": 3}
    assert set(manifest.files) == {"sub/weights", "vocab.txt"}
    with pytest.raises(DataError, match="holds 'model', expected 'encoder'"):
        verify(artifact, "encoder")


def test_no_flipped_bit_passes(artifact: Path) -> None:
    for file in files_of(artifact):
        content = file.read_bytes()
        for flipped in flips(content):
            file.write_bytes(flipped)
            with pytest.raises(UserError, match=f"{file.name}") as raised:
                verify(artifact, hashes=Hashes())
            assert len(str(raised.value).splitlines()) == 1
        file.write_bytes(content)
    verify(artifact)


def test_what_is_damaged_or_missing_is_named(artifact: Path) -> None:
    weights = artifact / "sub/weights"
    weights.write_bytes(b"Weights")
    with pytest.raises(DataError, match=r"sub/weights: damaged \(its SHA-256 is not the man"):
        verify(artifact)
    weights.unlink()
    with pytest.raises(DataError, match=r"sub/weights: missing; make the folder again"):
        verify(artifact)
    (artifact / MANIFEST).unlink()
    with pytest.raises(DataError, match="not a folder that bertline wrote"):
        verify(artifact)
    verify_if_artifact(artifact)


def test_a_manifest_of_an_early_version_has_no_checksum(artifact: Path) -> None:
    manifest = read_json(artifact / MANIFEST)
    del manifest["sha256"]
    write_json(artifact / MANIFEST, manifest)
    assert verify(artifact).sha256 is None


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../b"])
def test_a_manifest_names_files_of_its_folder_only(artifact: Path, name: str) -> None:
    manifest = read_json(artifact / MANIFEST)
    write_json(artifact / MANIFEST, manifest | {"files": {name: "0" * 64}, "sha256": None})
    with pytest.raises(UserError, match="leads out of the folder"):
        verify(artifact)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read to the end."""
    names: list[str] = []

    def noting(file: Path) -> str:
        names.append(file.name)
        return file_sha256(file)

    monkeypatch.setattr(integrity, "file_sha256", noting)
    return names


def test_a_file_is_read_once_until_it_changes(
    tmp_path: Path, artifact: Path, read: list[str]
) -> None:
    for _ in range(2):  # two processes
        hashes = Hashes(tmp_path / "verified.json", tmp_path)
        verify(artifact, hashes=hashes)
        hashes.keep()
    assert sorted(read) == ["vocab.txt", "weights"]
    before = (artifact / "vocab.txt").stat()
    (artifact / "vocab.txt").write_bytes(b"[PAD]\n[unk]\n")
    os.utime(artifact / "vocab.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(DataError, match="vocab.txt: damaged"):
        verify(artifact, hashes=Hashes(tmp_path / "verified.json", tmp_path))


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": 1}', '{"model/vocab.txt": [[1], "x"]}'])
def test_what_is_remembered_may_be_damaged(
    tmp_path: Path, artifact: Path, read: list[str], content: str
) -> None:
    (tmp_path / "verified.json").write_text(content)
    verify(artifact, hashes=Hashes(tmp_path / "verified.json", tmp_path))
    assert sorted(read) == ["vocab.txt", "weights"]
