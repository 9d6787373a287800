import http.server
import resource
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bertline.errors import StorageError
from bertline.storage import fetch, source_digest, web
from tests.storage.contents import CONTENT, files_below


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
