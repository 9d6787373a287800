"""Cloud Storage over HTTP for tests: an emulator, what it lacks, and faults.

gcp-storage-emulator knows neither preconditions nor generations, refuses bytes that it has already,
and forgets finished upload sessions. Its request handler is extended here by these, as Cloud
Storage documents them: 412 where ifGenerationMatch does not hold, 404 for another generation, bytes
that were persisted are ignored, a finished session answers again.
"""

import gc
import http.server
import io
import json
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage

from bertline.storage import bucket

TOKEN = "ya29.a-token-that-nobody-may-read"
UNREAD = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
"""For tests where downloads are refused: the client leaves sockets to the garbage collection."""


@dataclass
class Fault:
    """What goes wrong with the next `times` requests whose "METHOD path object" matches.

    kind: a status to answer with; "cut" ends the connection in the middle of the request's body, or
    of the answer's if the request has none; "lost" does what is asked and answers nothing; "silent"
    answers nothing until the test ends; "page" answers with a page of HTML, "empty" with a JSON
    object that has nothing; "corrupt" changes a byte of the body; "late" calls `first`
    before anything is done; "none" lets it pass.
    """

    pattern: str
    kind: int | str
    times: int = 1
    message: str = "told by the server"
    first: Callable[[], object] = int


class Cloud:
    """The server behind $STORAGE_EMULATOR_HOST, with one bucket, "data".

    requests: "METHOD path object" of each, with its Range. sessions, finished: the object of each
    upload session, and the answer that ended it. token: what requests have to bear, if any.
    revoked: whether the token server refuses. address: the server's.
    """

    def __init__(self) -> None:
        self.storage = Storage(use_memory_fs=True)
        self.storage.create_bucket("data", {"name": "data"})
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.sessions: dict[str, str] = {}
        self.finished: dict[str, bytes] = {}
        self.token: str | None = None
        self.revoked = False
        self.address = ""

    def put(self, **contents: bytes) -> None:
        """Writes objects as another program would."""
        with bucket.opened("gs://data/") as (opened, _):
            for name, content in contents.items():
                opened._bucket.blob(name).upload_from_string(content)

    def put_folder(self, folder: Path, name: str) -> str:
        """The address gs://data/<name> below which the files of `folder` now are."""
        files = [file for file in folder.rglob("*") if file.is_file()]
        self.put(**{f"{name}/{file.relative_to(folder)}": file.read_bytes() for file in files})
        return f"gs://data/{name}"

    def objects(self) -> dict[str, bytes]:
        """The contents of the bucket, by name."""
        return {
            name: self.storage.get_file("data", name)
            for name in sorted(self.storage.objects.get("data", {}))
        }

    def fail(self, pattern: str, kind: int | str, times: int = 1, **others: Any) -> None:
        """Adds a Fault."""
        self.faults.append(Fault(pattern, kind, times, **others))

    def generation(self, name: str) -> int:
        """That of an object; 0 if it is not there."""
        found = self.storage.objects.get("data", {}).get(name)
        return int(found["generation"]) if found else 0

    def fault_of(self, request: str) -> Fault | None:
        """The fault that meets this request."""
        with self.lock:
            self.requests.append(request)
            for fault in self.faults:
                if fault.times and re.search(fault.pattern, request):
                    fault.times -= 1
                    return fault
        return None


class Handler(RequestHandler):  # type: ignore[misc]
    """Handles a request."""

    rfile: Any
    wfile: Any

    def __init__(self, cloud: Cloud, *others: Any) -> None:
        self.cloud, self.object_generation = cloud, 0
        super().__init__(cloud.storage, *others)

    def end_headers(self) -> None:
        if self.object_generation:
            self.send_header("X-Goog-Generation", str(self.object_generation))
        super().end_headers()

    def _serve(self) -> None:
        length = int(self.headers["Content-Length"] or 0)
        body = self.rfile.read(length) if self.command == "POST" else b""
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        name = self._object_name(url.path, query, body)
        path = urllib.parse.unquote(url.path)
        fault = self.cloud.fault_of(
            " ".join(filter(None, [self.command, path, name, self.headers["Range"]]))
        )
        kind = fault.kind if fault else None
        if kind == "cut" and length:
            self.rfile.read(length // 2 - len(body))
            return
        body = body or self.rfile.read(length)
        if fault and kind == "late":
            fault.first()
        if kind == "corrupt":
            body = bytes([body[0] ^ 1]) + body[1:]
        if kind == "silent":
            self.cloud.ended.wait()
        elif fault and isinstance(kind, int):
            self.wfile.write(self._refusal(kind, fault.message))
        else:
            answer = self._answer(url.path, query, name, body)
            head, end, content = answer.partition(b"\r\n\r\n")
            sent = {
                "lost": b"",
                "cut": head + end + content[: len(content) // 2],
                "page": _content(200, b"<html>\n<h1>Log in</h1>\n</html>"),
                "empty": _content(200, b"{}"),
            }
            self.wfile.write(sent.get(str(kind), answer))

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def _object_name(self, path: str, query: dict[str, str], body: bytes) -> str:
        """The object to write; empty where the path tells it, and for lists."""
        if "upload_id" in query:
            return self.cloud.sessions[query["upload_id"]]
        if query.get("uploadType") == "resumable":
            return str(json.loads(body)["name"])
        if query.get("uploadType") == "multipart":
            return str(json.loads(body.split(b"\r\n\r\n")[1].split(b"\r\n")[0])["name"])
        return ""

    def _answer(self, path: str, query: dict[str, str], name: str, body: bytes) -> bytes:
        """What the emulator answers, or in its place what Cloud Storage would."""
        if path == "/token":
            return self._token_answer()
        if self.cloud.token and self.headers["Authorization"] != f"Bearer {self.cloud.token}":
            return self._refusal(401, "Invalid Credentials")
        session = query.get("upload_id", "")
        with self.cloud.lock:
            if session in self.cloud.finished:
                return self.cloud.finished[session]
            there = self.cloud.generation(name or urllib.parse.unquote(path.partition("/o/")[2]))
            if int(query.get("ifGenerationMatch", there)) != there:
                return self._refusal(412, "At least one of the pre-conditions did not hold.")
            if int(query.get("generation", there)) != there:
                return self._refusal(404, "No such object.")
            self.object_generation = there if query.get("alt") == "media" else 0
            if session:
                body = self._without_persisted(session, body)
            answer = self._emulated(body)
            if location := re.search(rb"Location: .*upload_id=(\S+)", answer):
                self.cloud.sessions[urllib.parse.unquote_plus(location[1].decode())] = name
            if session and answer.split(maxsplit=2)[1] == b"200":
                self.cloud.finished[session] = answer
        return answer

    def _without_persisted(self, session: str, body: bytes) -> bytes:
        """The bytes of a chunk that are new; the header is made to fit."""
        span = re.fullmatch(r"bytes (\d+)-(\d+/\d+)", self.headers["Content-Range"])
        assert span, self.headers["Content-Range"]
        persisted = self.storage.get_resumable_byte_count(session)
        start = max(int(span[1]), persisted)
        self.headers.replace_header("Content-Range", f"bytes {start}-{span[2]}")
        return body[start - int(span[1]) :]

    def _emulated(self, body: bytes) -> bytes:
        """The emulator's answer to a request with this body."""
        if "Content-Length" in self.headers:
            self.headers.replace_header("Content-Length", str(len(body)))
        connection = self.rfile, self.wfile
        self.rfile, self.wfile = io.BytesIO(body), io.BytesIO()
        try:
            getattr(super(), f"do_{self.command}")()
            answer: bytes = self.wfile.getvalue()
        finally:
            self.rfile, self.wfile = connection
        return answer

    def _token_answer(self) -> bytes:
        if self.cloud.revoked:
            return _json(400, {"error": "invalid_grant", "error_description": "Token revoked."})
        return _json(200, {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})

    def _refusal(self, code: int, message: str) -> bytes:
        return _json(code, {"error": {"code": code, "message": message}})


def _json(code: int, content: dict[str, Any]) -> bytes:
    return _content(code, json.dumps(content).encode())


def _content(code: int, body: bytes) -> bytes:
    head = f"HTTP/1.0 {code} {http.HTTPStatus(code).phrase}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture
def cloud(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cloud]:
    """A Cloud that the environment points to, and a cache folder of the test's own."""
    cloud = Cloud()
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr(bucket, "PAUSE_SECONDS", 0.01)
    # The client asks for the bucket in the background, for traces; faults would meet that at times.
    monkeypatch.setenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    with http.server.ThreadingHTTPServer(("localhost", 0), partial(Handler, cloud)) as server:
        cloud.address = f"http://localhost:{server.server_port}"
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", cloud.address)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield cloud
        cloud.ended.set()
        server.shutdown()
        thread.join()
    gc.collect()  # while UNREAD holds
