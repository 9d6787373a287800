import gzip
import http.server
import io
import os
import resource
import socket
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bertline.errors import StorageError
from bertline.storage import fetch, gcs, source_digest, unpack, web

CONTENT = bytes(range(256)) * 4096  # 1 MiB


def files_below(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


# Local paths


def test_a_local_path_is_used_in_place(tmp_path: Path) -> None:
    assert fetch(str(tmp_path), tmp_path / "fetched") == tmp_path
    assert not (tmp_path / "fetched").exists()


@pytest.mark.parametrize("call", [lambda source: fetch(source, Path("unused")), source_digest])
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
    first = source_digest(str(folder))
    assert source_digest(str(folder.rename(tmp_path / "b"))) == first
    (tmp_path / "b" / "x").rename(tmp_path / "b" / "y")
    second = source_digest(str(tmp_path / "b"))
    (tmp_path / "b" / "y").write_text("2")
    third = source_digest(str(tmp_path / "b"))
    of_file = source_digest(str(tmp_path / "b" / "y"))
    assert len({first, second, third, of_file}) == 4


# http


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `content` with an ETag; the first `breaks` answers stop in the middle."""

    protocol_version = "HTTP/1.1"
    content = CONTENT
    breaks = 0
    knows_ranges = True
    requests: list[tuple[str, str | None]] = []

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("ETag", f'"{hash(self.content)}"')
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()

    def do_GET(self) -> None:
        wanted = self.headers["Range"]
        type(self).requests.append((self.path, wanted))
        if self.path == "/missing.zip":
            return self.send_error(404)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        start = start if self.knows_ranges else 0
        body = self.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if type(self).breaks > 0:
            type(self).breaks -= 1
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return None
        self.wfile.write(body)
        return None

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, type[Handler]]]:
    """The address of a web server and the handler's class, to set how it behaves."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(web, "PAUSE_SECONDS", 0)
    handler = type("OwnHandler", (Handler,), {"requests": []})
    with http.server.ThreadingHTTPServer(("localhost", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}", handler
        server.shutdown()
        thread.join()


def test_http_file(site: tuple[str, type[Handler]], tmp_path: Path) -> None:
    address, _ = site
    path = fetch(f"{address}/data/a%20b.zip?version=3", tmp_path / "fetched")
    assert path == tmp_path / "fetched" / "a b.zip"
    assert files_below(tmp_path) == {"fetched/a b.zip": CONTENT}


def test_a_broken_connection_is_taken_up(site: tuple[str, type[Handler]], tmp_path: Path) -> None:
    address, handler = site
    handler.breaks = 2
    assert fetch(f"{address}/a.zip", tmp_path / "fetched").read_bytes() == CONTENT
    half, quarter = len(CONTENT) // 2, len(CONTENT) // 4
    assert [wanted for _, wanted in handler.requests] == [
        None,
        f"bytes={half}-",
        f"bytes={half + quarter}-",
    ]


def test_a_broken_connection_starts_again_where_ranges_are_not_known(
    site: tuple[str, type[Handler]], tmp_path: Path
) -> None:
    address, handler = site
    handler.breaks, handler.knows_ranges = 1, False
    assert fetch(f"{address}/a.zip", tmp_path / "fetched").read_bytes() == CONTENT


def test_a_connection_that_always_breaks_leaves_nothing(
    site: tuple[str, type[Handler]], tmp_path: Path
) -> None:
    address, handler = site
    handler.breaks = 99
    with pytest.raises(StorageError, match="the connection broke 5 times; try again later"):
        fetch(f"{address}/a.zip", tmp_path / "fetched")
    assert files_below(tmp_path) == {}


def test_http_errors_are_told(site: tuple[str, type[Handler]], tmp_path: Path) -> None:
    address, _ = site
    with pytest.raises(StorageError, match="missing.zip: HTTP 404 Not Found; check the address"):
        fetch(f"{address}/missing.zip", tmp_path / "fetched")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    with pytest.raises(StorageError, match="cannot be reached .*refused"):
        fetch(f"http://localhost:{port}/a.zip", tmp_path / "fetched")
    with pytest.raises(StorageError, match="cannot be reached"):
        source_digest("https:///a b.zip")
    assert files_below(tmp_path) == {}


def test_http_digest_follows_the_validators(site: tuple[str, type[Handler]]) -> None:
    address, handler = site
    first = source_digest(f"{address}/a.zip")
    assert source_digest(f"{address}/a.zip") == first
    handler.content = b"other"
    assert source_digest(f"{address}/a.zip") != first


def test_a_full_disk_leaves_nothing(site: tuple[str, type[Handler]], tmp_path: Path) -> None:
    address, _ = site
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(CONTENT) // 2, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            fetch(f"{address}/a.zip", tmp_path / "fetched")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files_below(tmp_path) == {}


# gs://


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket named "data" of a storage emulator that the environment points to."""
    from gcp_storage_emulator.server import create_server

    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://localhost:{port}")
    monkeypatch.setenv("no_proxy", "*")
    server = create_server("localhost", port, in_memory=True, default_bucket="data")
    server.start()
    client = gcs._client()
    yield client.bucket("data")
    client.close()
    server.stop()


def upload(bucket: Any, **contents: bytes) -> None:
    for name, content in contents.items():
        bucket.blob(name).upload_from_string(content)


def test_gs_object_and_prefix(bucket: Any, tmp_path: Path) -> None:
    upload(bucket, **{"snips/a.json": b"1", "snips/sub/b.json": CONTENT, "snips.zip": b"3"})
    upload(bucket, **{"snips/empty/": b""})
    path = fetch("gs://data/snips.zip", tmp_path / "one")
    assert path == tmp_path / "one" / "snips.zip"
    assert path.read_bytes() == b"3"
    folder = fetch("gs://data/snips/", tmp_path / "all")
    assert folder == tmp_path / "all" / "snips"
    assert files_below(folder) == {"a.json": b"1", "sub/b.json": CONTENT}
    assert set(files_below(fetch("gs://data", tmp_path / "bucket"))) == {
        "snips.zip",
        "snips/a.json",
        "snips/sub/b.json",
    }


def test_gs_digest_follows_contents_not_uploads(bucket: Any) -> None:
    upload(bucket, **{"snips/a.json": b"1"})
    first = source_digest("gs://data/snips")
    upload(bucket, **{"snips/a.json": b"1"})
    assert source_digest("gs://data/snips") == first
    upload(bucket, **{"snips/a.json": b"2"})
    assert source_digest("gs://data/snips") != first


def test_a_damaged_object_is_told(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(bucket, **{"a.zip": b"12"})
    blob = type(bucket.blob("a.zip"))
    monkeypatch.setattr(blob, "download_to_filename", lambda self, file, **_: file.write_text("1"))
    with pytest.raises(StorageError, match="gs://data/a.zip: came damaged"):
        fetch("gs://data/a.zip", tmp_path / "fetched")
    assert files_below(tmp_path) == {}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("gs://data/missing", "no such object and none below it"),
        ("gs://data/snip", "no such object and none below it"),
        ("gs://nobody/a.zip", "404"),
    ],
)
def test_a_missing_object_or_bucket_is_told(
    bucket: Any, tmp_path: Path, source: str, message: str
) -> None:
    upload(bucket, **{"snips/a.json": b"1"})
    with pytest.raises(StorageError, match=message):
        fetch(source, tmp_path / "fetched")
    assert files_below(tmp_path) == {}


def test_an_object_name_that_leads_out_is_refused(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = bucket.blob("snips/../../evil")
    monkeypatch.setattr(type(bucket.client), "list_blobs", lambda *_, **__: [evil])
    with pytest.raises(StorageError, match=r"object '\.\./\.\./evil' leads out of the folder"):
        fetch("gs://data/snips", tmp_path / "fetched")
    assert files_below(tmp_path) == {}


def test_a_refused_gs_connection_is_told(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gcs, "RETRY_SECONDS", 0.1)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://localhost:{port}")
    with pytest.raises(StorageError, match="gs://data/a.zip: .*refused.*; check the address"):
        fetch("gs://data/a.zip", tmp_path / "fetched")


def test_missing_credentials_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(StorageError, match="no credentials .*gcloud auth application-default"):
        source_digest("gs://data/a.zip")


# Archives


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


@pytest.mark.parametrize("content", [b"", b"text", gzip.compress(b"text"), b"PK\3\4"])
def test_what_is_no_archive_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(StorageError, match="not a whole zip or tar archive") as error:
        unpack(tmp_path / "a.txt", tmp_path / "out")
    assert "\n" not in str(error.value)
