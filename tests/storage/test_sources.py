import hashlib
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bertline.errors import StorageError
from bertline.storage import collect, fetch, sources_digest
from tests.storage.contents import files_below


def test_a_local_path_is_used_in_place(tmp_path: Path) -> None:
    assert fetch(str(tmp_path), tmp_path / "fetched") == tmp_path
    assert not (tmp_path / "fetched").exists()


CALLS = [
    lambda source: fetch(source, Path("unused")),
    lambda source: collect([source], Path("unused")),
    lambda source: sources_digest([source]),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_missing_path_and_an_unknown_scheme_are_told(
    tmp_path: Path, call: Callable[[str], Any]
) -> None:
    with pytest.raises(StorageError, match="no such file or folder; check the path"):
        call(str(tmp_path / "missing"))
    with pytest.raises(StorageError, match="ftp:// is not supported"):
        call("ftp://host/file.zip")


def test_local_digest_follows_contents_and_names(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "x").write_text("1")
    first = sources_digest([str(folder)])
    assert sources_digest([str(folder.rename(tmp_path / "b"))]) == first
    (tmp_path / "b" / "x").rename(tmp_path / "b" / "y")
    second = sources_digest([str(tmp_path / "b")])
    (tmp_path / "b" / "y").write_text("2")
    third = sources_digest([str(tmp_path / "b")])
    of_file = sources_digest([str(tmp_path / "b" / "y")])
    assert len({first, second, third, of_file}) == 4


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A folder that holds file.txt, folder/inner.txt, a.zip and b.tar with one member each."""
    (tmp_path / "parts" / "folder").mkdir(parents=True)
    (tmp_path / "parts" / "file.txt").write_text("1")
    (tmp_path / "parts" / "folder" / "inner.txt").write_text("2")
    with zipfile.ZipFile(tmp_path / "parts" / "a.zip", "w") as archive:
        archive.writestr("in/a.txt", "3")
    with tarfile.open(tmp_path / "parts" / "b.tar", "w") as tar:
        tar.add(tmp_path / "parts" / "file.txt", "b.txt")
    return tmp_path / "parts"


def contents(folder: Path) -> dict[str, bytes]:
    return {Path(name).name: content for name, content in files_below(folder).items()}


def test_several_sources_come_together_in_one_folder(parts: Path, tmp_path: Path) -> None:
    sources = [str(parts / name) for name in ("file.txt", "folder", "a.zip", "b.tar")]
    assert contents(collect(sources, tmp_path / "work")) == {
        "file.txt": b"1",
        "inner.txt": b"2",
        "a.txt": b"3",
        "b.txt": b"1",
    }
    same_name = [str(parts / "folder"), str(parts / "folder" / "inner.txt")]
    assert len(files_below(collect(same_name, tmp_path / "twice"))) == 2


def test_a_single_source(parts: Path, tmp_path: Path) -> None:
    assert collect([str(parts)], tmp_path / "work") == parts
    assert not (tmp_path / "work").exists()
    (parts / "empty").mkdir()
    assert collect([str(parts / "empty")], tmp_path / "work") == parts / "empty"
    file = collect([str(parts / "file.txt")], tmp_path / "work")
    assert contents(file) == {"file.txt": b"1"}


def test_a_folder_of_archives_alone_is_what_they_hold(parts: Path, tmp_path: Path) -> None:
    (parts / "file.txt").unlink()
    (parts / "folder" / "inner.txt").unlink()
    (parts / "folder").rmdir()
    found = collect([str(parts)], tmp_path / "work")
    assert contents(found) == {"a.txt": b"3", "b.txt": b"1"}


def test_what_is_copied_has_a_limit(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BERTLINE_LIMITS", '{"source_gb": 1e-9}')
    sources = [str(parts / "file.txt"), str(parts / "folder")]
    collect(sources, tmp_path / "work")  # a byte each
    (parts / "folder/more.txt").write_text("1")
    with pytest.raises(StorageError, match="parts/folder: more than 1e-09 GB; if it is meant"):
        collect(sources, tmp_path / "other")


@pytest.mark.parametrize("call", CALLS)
def test_pipes_devices_and_folders_with_them_are_refused(
    parts: Path, call: Callable[[str], Any]
) -> None:
    os.mkfifo(parts / "pipe")
    for source in (parts / "pipe", parts, Path("/dev/zero")):
        with pytest.raises(StorageError, match="is a .*; give a file or a folder of files"):
            call(str(source))
    with pytest.raises(StorageError, match=r"https://.bad/a: is no valid address; check it"):
        call("https://[bad/a")


def test_checksums_of_local_files(parts: Path, tmp_path: Path) -> None:
    sources = [str(parts / "file.txt"), str(parts / "folder" / "inner.txt")]
    first, second = (hashlib.sha256(text).hexdigest() for text in (b"1", b"2"))
    collect(sources, tmp_path / "work", [first, second])
    with pytest.raises(StorageError, match=f"inner.txt: SHA-256 is {second}, expected {first}"):
        collect(sources, tmp_path / "other", [first, first])
    assert (parts / "folder" / "inner.txt").exists()
    with pytest.raises(StorageError, match="folder: a folder has no SHA-256"):
        collect([str(parts / "folder")], tmp_path / "other", [first])
