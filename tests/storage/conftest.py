"""A web server that breaks off."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bertline.storage import web
from tests.storage.contents import CONTENT
from tests.storage.raw_server import Answer, RawServer, Start, certificate


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
        if start:
            end = len(self.content)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
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


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a download sleeps between attempts, for which it does not sleep here."""
    slept: list[float] = []
    monkeypatch.setattr("bertline.storage.web.time.sleep", slept.append)
    return slept


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pauses: list[float]) -> Iterator[Start]:
    """Starts a RawServer with these answers; tls=True: by HTTPS."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    servers: list[RawServer] = []

    def start(*answers: Answer, tls: bool = False) -> RawServer:
        context = None
        if tls:
            pem = certificate(tmp_path)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
            monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        servers.append(RawServer(answers, context))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
