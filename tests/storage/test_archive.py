import bz2
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


@pytest.mark.parametrize("mode", ["w:bz2", "w:xz"])
def test_damage_inside_other_compressions_is_told(tmp_path: Path, mode: str) -> None:
    archive = make_tar(tmp_path / "archive", {"a": os.urandom(3000)}, mode)
    raw = bytearray(archive.read_bytes())
    for place in (len(raw) // 2, len(raw) - 20):
        archive.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        with pytest.raises(StorageError, match="not a whole zip or tar archive"):
            unpack(archive, tmp_path / "out")


def test_a_damaged_header_is_not_the_end(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "archive", {"a": b"1", "b": b"2"}, "w")
    raw = bytearray(archive.read_bytes())
    raw[1024 + 5] ^= 1
    archive.write_bytes(raw)
    with pytest.raises(StorageError, match="not a whole zip or tar archive"):
        unpack(archive, tmp_path / "out")


MiB = 1 << 20


Compress = Callable[[bytes], bytes]


def zeros(compress: Compress) -> bytes:
    """300 MiB of zeros, as streams that follow each other."""
    return compress(bytes(10 * MiB)) * 30


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


def bomb_zip(path: Path) -> Path:
    return make_zip(path, {f"{number}": bytes(50 * MiB) for number in range(5)})


def bomb_tar(compress: Compress) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path.write_bytes(compress(header("zeros", 300 * MiB)) + zeros(compress))
        return path

    return make


def bomb_after_the_end(path: Path) -> Path:
    make_tar(path, {"a": b"1"})
    path.write_bytes(path.read_bytes() + zeros(gzip.compress))
    return path


def bomb_sparse(path: Path) -> Path:
    """A file that is all hole: 512 bytes in the archive, 8 GB unpacked."""
    raw = bytearray(header("hole", 0, tarfile.GNUTYPE_SPARSE))
    raw[483:495] = b"%011o\0" % 8_000_000_000
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    path.write_bytes(bytes(raw) + bytes(1024))
    return path


def bomb_name(path: Path) -> Path:
    """A name of 300 MiB."""
    name = header("././@LongLink", 300 * MiB, tarfile.GNUTYPE_LONGNAME)
    path.write_bytes(gzip.compress(name) + zeros(gzip.compress))
    return path


@pytest.mark.parametrize(
    ("bomb", "message"),
    [
        (bomb_zip, "holds more than 50 GB, or than 200 times its own size; if it is meant to be"),
        (bomb_tar(gzip.compress), "than 200 times its own size"),
        (bomb_tar(bz2.compress), "than 200 times its own size"),
        (bomb_after_the_end, "than 200 times its own size"),
        (bomb_sparse, "than 200 times its own size"),
        (bomb_name, "a name of 314,572,800 bytes"),
    ],
    ids=["zip", "gzip", "bzip2", "after the end", "sparse", "name"],
)
def test_bombs_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bomb: Callable[[Path], Path], message: str
) -> None:
    archive = bomb(tmp_path / "archive")
    assert archive.stat().st_size < MiB
    wrote = []
    monkeypatch.setattr("shutil.copyfileobj", lambda stream, *_: wrote.append(len(stream.read())))
    with pytest.raises(StorageError, match=message):
        unpack(archive, tmp_path / "out")
    assert sum(wrote) < 10
    assert files_below(tmp_path).keys() == {"archive"}


def test_limits_can_be_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {str(number): bytes(MiB) for number in range(3)}
    for archive in (
        make_tar(tmp_path / "a.tgz", {**members, "folder": special("folder", tarfile.DIRTYPE)}),
        make_zip(tmp_path / "a.zip", {**members, "folder/": b""}),
    ):
        monkeypatch.setenv("BERTLINE_LIMITS", '{"source_entries": 3}')
        with pytest.raises(StorageError, match="more than 3 files and folders; .*_entries.: 30"):
            unpack(archive, tmp_path / "out")
        monkeypatch.setenv("BERTLINE_LIMITS", '{"unpacked_ratio": 2}')
        with pytest.raises(StorageError, match="more than 50 GB, or than 2 times"):
            unpack(archive, tmp_path / "out")
        monkeypatch.setenv("BERTLINE_LIMITS", '{"unpacked_ratio": 4, "source_entries": 4}')
        assert len(files_below(unpack(archive, tmp_path / "out"))) == 3


@pytest.mark.parametrize(
    ("mode", "problem"), [(0o120777, "is a link"), (0o010644, "is a link"), (0o100644, None)]
)
def test_links_in_a_zip_are_refused(tmp_path: Path, mode: int, problem: str | None) -> None:
    member = zipfile.ZipInfo("link")
    member.create_system, member.external_attr = 3, mode << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(member, "/etc/passwd")
    if problem is None:
        assert files_below(unpack(tmp_path / "a.zip", tmp_path / "out")) == {"link": b"/etc/passwd"}
        return
    with pytest.raises(StorageError, match=f"member 'link' {problem}"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize("names", [["a", "a/b"], ["a/b", "a"], ["x" * 300], ["."]])
@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_names_that_cannot_be_files_are_told(
    tmp_path: Path, make: Callable[..., Path], names: list[str]
) -> None:
    archive = make(tmp_path / "archive", dict.fromkeys(names, b"1"))
    with pytest.raises(StorageError, match=r"member '.*' cannot be a file here \(.*\); pack"):
        unpack(archive, tmp_path / "out")


def test_a_place_before_the_beginning_is_told(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "archive", {"a": b"1"})
    raw = bytearray(archive.read_bytes())
    end = raw.rindex(b"PK\5\6")
    raw[end + 16 : end + 20] = (2**31).to_bytes(4, "little")  # where the listing begins
    archive.write_bytes(raw)
    with pytest.raises(StorageError, match="not a whole zip or tar archive"):
        unpack(archive, tmp_path / "out")
