import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bertline.errors import StorageError
from bertline.storage import unpack
from tests.storage.contents import CONTENT, files_below


def make_tar(
    path: Path, members: Mapping[str, bytes | tarfile.TarInfo], mode: str = "w:gz"
) -> Path:
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                file.addfile(content)
                continue
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path


def make_zip(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


GOOD = {"./snips/a.json": b"1", "snips/sub/b.json": CONTENT}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "zip"])
def test_unpack(tmp_path: Path, mode: str) -> None:
    archive = tmp_path / "archive"
    if mode == "zip":
        make_zip(archive, {**GOOD, "empty/": b""})
    else:
        make_tar(archive, {**GOOD, "empty": special("empty", tarfile.DIRTYPE)}, mode)
    folder = unpack(archive, tmp_path / "out")
    assert files_below(folder) == {"snips/a.json": b"1", "snips/sub/b.json": CONTENT}


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "..\\evil"])
@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_a_member_that_leads_out_is_refused(
    tmp_path: Path, make: Callable[..., Path], name: str
) -> None:
    archive = make(tmp_path / "archive", {"good": b"1", name: b"2"})
    with pytest.raises(StorageError) as error:
        unpack(archive, tmp_path / "deep" / "out")
    assert repr(name) in str(error.value)
    assert files_below(tmp_path).keys() == {"archive"}


@pytest.mark.parametrize(
    "member",
    [
        special("link", tarfile.SYMTYPE, "/etc"),
        special("link", tarfile.SYMTYPE, "good"),
        special("link", tarfile.LNKTYPE, "../outside"),
        special("device", tarfile.CHRTYPE),
        special("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda member: f"{member.name}-{member.type.decode()}",
)
def test_links_and_devices_are_refused(tmp_path: Path, member: tarfile.TarInfo) -> None:
    archive = make_tar(tmp_path / "archive", {"good": b"1", member.name: member})
    with pytest.raises(StorageError, match=f"member '{member.name}' is a link or a device"):
        unpack(archive, tmp_path / "out")
    assert files_below(tmp_path).keys() == {"archive"}


@pytest.mark.parametrize("mode", ["w", "w:gz", "zip"])
def test_a_truncated_archive_is_told_wherever_it_ends(tmp_path: Path, mode: str) -> None:
    members = {"a": os.urandom(700), "b": os.urandom(900)}
    archive = tmp_path / "archive"
    make_zip(archive, members) if mode == "zip" else make_tar(archive, members, mode)
    whole = archive.read_bytes()
    # A plain tar is whole when its end mark begins; the zeros after it only fill a record.
    end = 512 + 1024 + 512 + 1024 + 1 if mode == "w" else len(whole)
    for length in {0, 1, 2, 100, *range(512, end, 512), end - 1}:
        archive.write_bytes(whole[:length])
        with pytest.raises(StorageError, match="archive: not a whole zip or tar archive"):
            unpack(archive, tmp_path / "out")
        assert files_below(tmp_path).keys() == {"archive"}


@pytest.mark.parametrize("mode", ["w:gz", "zip"])
def test_damage_inside_is_told(tmp_path: Path, mode: str) -> None:
    content = os.urandom(2000)
    archive = tmp_path / "archive"
    make_zip(archive, {"a": content}) if mode == "zip" else make_tar(archive, {"a": content}, mode)
    raw = bytearray(archive.read_bytes())
    raw[1000] ^= 1
    archive.write_bytes(raw)
    with pytest.raises(StorageError, match="not a whole zip or tar archive"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"text", gzip.compress(b"text", mtime=0), b"PK\3\4"])
def test_what_is_no_archive_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(StorageError, match="not a whole zip or tar archive") as error:
        unpack(tmp_path / "a.txt", tmp_path / "out")
    assert "\n" not in str(error.value)
