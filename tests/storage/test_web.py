import hashlib
import http.server
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bertline.errors import StorageError
from bertline.storage import collect, fetch, sources_digest, web
from bertline.storage.partial import downloads_folder
from tests.storage.contents import CONTENT, files_below


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `content` with an ETag; the first `breaks` answers stop in the middle.

    stalls: instead of breaking they wait there until the test has ended.
    """

    protocol_version = "HTTP/1.1"
    content = CONTENT
    breaks = 0
    stalls = False
    ended: threading.Event
    knows_ranges = True
    requests: list[tuple[str, str | None]] = []

    @property
    def etag(self) -> str:
        return f'"{hash(self.content)}"'

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("ETag", self.etag)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()

    def do_GET(self) -> None:
        wanted = self.headers["Range"]
        type(self).requests.append((self.path, wanted))
        if self.path == "/missing.zip":
            return self.send_error(404)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if not self.knows_ranges or self.headers["If-Range"] != self.etag:
            start = 0
        body = self.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("ETag", self.etag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if type(self).breaks > 0:
            type(self).breaks -= 1
            self.wfile.write(body[: len(body) // 2])
            if self.stalls:
                self.ended.wait()
            self.close_connection = True
            return None
        self.wfile.write(body)
        return None

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def site(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, type[Handler]]]:
    """The address of a web server and the handler's class, to set how it behaves."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr(web, "PAUSE_SECONDS", 0)

    class OwnHandler(Handler):
        requests: list[tuple[str, str | None]] = []
        ended = threading.Event()

    with http.server.ThreadingHTTPServer(("localhost", 0), OwnHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}", OwnHandler
        OwnHandler.ended.set()
        server.shutdown()
        thread.join()


def ranges(handler: type[Handler]) -> list[str | None]:
    return [wanted for _, wanted in handler.requests]


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
    assert ranges(handler) == [None, f"bytes={half}-", f"bytes={half + quarter}-"]
    assert files_below(downloads_folder()) == {}


def test_a_broken_connection_starts_again_where_ranges_are_not_known(
    site: tuple[str, type[Handler]], tmp_path: Path
) -> None:
    address, handler = site
    handler.breaks, handler.knows_ranges = 1, False
    assert fetch(f"{address}/a.zip", tmp_path / "fetched").read_bytes() == CONTENT


def broken_off(address: str, handler: type[Handler], folder: Path) -> int:
    """Fetches a.zip in vain; the number of bytes that came."""
    handler.breaks = web.ATTEMPTS
    with pytest.raises(StorageError, match="broke 5 times; try again later, what came is kept"):
        fetch(f"{address}/a.zip", folder)
    handler.requests.clear()
    left: int = len(CONTENT) // 2**web.ATTEMPTS
    return len(CONTENT) - left


def test_a_connection_that_always_breaks_leaves_what_came_in_the_cache(
    site: tuple[str, type[Handler]], tmp_path: Path
) -> None:
    address, handler = site
    came = broken_off(address, handler, tmp_path / "fetched")
    assert files_below(tmp_path) == {}
    assert sorted(map(len, files_below(downloads_folder()).values()))[-1] == came
    assert fetch(f"{address}/a.zip", tmp_path / "fetched").read_bytes() == CONTENT
    assert ranges(handler) == [f"bytes={came - 1}-"]
    assert files_below(downloads_folder()) == {}


def test_another_version_and_another_address_start_anew(
    site: tuple[str, type[Handler]], tmp_path: Path
) -> None:
    address, handler = site
    broken_off(address, handler, tmp_path / "fetched")
    assert fetch(f"{address}/b.zip", tmp_path / "other").read_bytes() == CONTENT
    assert ranges(handler) == [None]
    handler.content = b"new"
    assert fetch(f"{address}/a.zip", tmp_path / "fetched").read_bytes() == b"new"


def kill_in_mid_file(url: str, folder: Path, partial_bytes: int) -> None:
    """Fetches in a process of its own, which is killed when so many bytes have come."""
    code = "import sys; from pathlib import Path; from bertline.storage import fetch; "
    command = [sys.executable, "-c", f"{code} fetch(sys.argv[1], Path(sys.argv[2]))"]
    with subprocess.Popen([*command, url, str(folder)]) as process:
        while sum(map(len, files_below(downloads_folder()).values())) < partial_bytes:
            assert process.poll() is None
            time.sleep(0.01)
        with pytest.raises(StorageError, match="another process is fetching it"):
            fetch(url, folder)
        process.kill()


def test_a_killed_download_is_taken_up_by_another_process(
    site: tuple[str, type[Handler]], tmp_path: Path
) -> None:
    address, handler = site
    handler.breaks, handler.stalls = 1, True
    half = len(CONTENT) // 2
    kill_in_mid_file(f"{address}/a.zip", tmp_path / "killed", half)
    assert fetch(f"{address}/a.zip", tmp_path / "fetched").read_bytes() == CONTENT
    assert ranges(handler) == [None, f"bytes={half - 1}-"]


def test_a_file_that_came_whole_before_the_kill_is_not_fetched_again(
    site: tuple[str, type[Handler]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, handler = site
    with monkeypatch.context() as patch:
        patch.setattr("shutil.move", lambda *_: sys.exit("killed"))
        with pytest.raises(SystemExit):
            fetch(f"{address}/a.zip", tmp_path / "fetched")
    assert fetch(f"{address}/a.zip", tmp_path / "fetched").read_bytes() == CONTENT
    assert ranges(handler) == [None, f"bytes={len(CONTENT) - 1}-"]


def test_a_cache_that_cannot_be_written_is_told(
    site: tuple[str, type[Handler]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="bertline/downloads: cannot be written .*XDG_CACHE_H"):
        fetch(f"{site[0]}/a.zip", tmp_path / "fetched")


def test_checksums_are_compared_and_what_is_damaged_is_not_kept(
    site: tuple[str, type[Handler]], tmp_path: Path
) -> None:
    address, handler = site
    right, wrong = hashlib.sha256(CONTENT).hexdigest(), "0" * 64
    with pytest.raises(StorageError, match=f"a.zip: SHA-256 is {right}, expected {wrong}; get"):
        fetch(f"{address}/a.zip", tmp_path / "fetched", wrong)
    assert files_below(tmp_path) == files_below(downloads_folder()) == {}
    assert fetch(f"{address}/a.zip", tmp_path / "fetched", right).read_bytes() == CONTENT
    assert ranges(handler) == [None, None]


def test_a_closed_network_tells_what_to_get_and_what_to_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    sources = ["http://localhost:1/train-v1.1.json", "http://localhost:1/dev%20v1.1.json?a=b"]
    for call in (lambda: collect(sources, tmp_path), lambda: sources_digest(sources)):
        with pytest.raises(StorageError) as raised:
            call()
        head, _, remedy = str(raised.value).partition("); ")
        assert head.startswith("http://localhost:1/train-v1.1.json: cannot be reached (")
        assert remedy == (
            "download all on another machine and give --data DIR, a folder that holds "
            "train-v1.1.json and dev v1.1.json"
        )
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
        sources_digest(["https:///a b.zip"])
    assert files_below(tmp_path) == {}


def test_http_digest_follows_the_validators(site: tuple[str, type[Handler]]) -> None:
    address, handler = site
    first = sources_digest([f"{address}/a.zip"])
    assert sources_digest([f"{address}/a.zip"]) == first
    handler.content = b"other"
    assert sources_digest([f"{address}/a.zip"]) != first


def test_a_pinned_file_needs_no_server_to_tell_its_digest() -> None:
    url = ["http://localhost:1/a.zip"]
    assert sources_digest(url, ["0" * 64]) == sources_digest(url, ["0" * 64])
    assert sources_digest(url, ["0" * 64]) != sources_digest(url, ["1" * 64])


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
