"""What servers do that we may not trust in, over real connections."""

import email.utils
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bertline.errors import ConfigError, StorageError
from bertline.storage import connection, sources_digest, web
from tests.storage.contents import CONTENT
from tests.storage.raw_server import Answer, Start, answer, fetched, ok, refusal


@pytest.mark.parametrize("status", ["429 Slow", "500 E", "502 E", "503 E", "504 E"])
def test_what_may_pass_is_tried_again(
    start: Start, tmp_path: Path, status: str, pauses: list[float]
) -> None:
    failing = answer(status, "Content-Length: 0")
    server = start(failing, b"", failing, ok(CONTENT))  # the second is lost before its headers
    assert fetched(f"{server.address}/a.zip", tmp_path) == CONTENT
    assert pauses == [1, 2, 4]


def test_what_does_not_pass_is_told_with_the_last_reason(
    start: Start, tmp_path: Path, pauses: list[float]
) -> None:
    server = start(answer("503 Busy", "Content-Length: 0"))
    for call in (refusal, lambda url, _: told_digest(url)):
        message = call(f"{server.address}/a.zip", tmp_path)
        assert message.startswith("URL: failed 5 times (HTTP 503 Busy); try again later")
    assert pauses == [1, 2, 4, 8] * 2


def told_digest(url: str) -> str:
    with pytest.raises(StorageError) as raised:
        sources_digest([url])
    return str(raised.value).replace(url, "URL")


def test_refusals_are_not_tried_again(start: Start, tmp_path: Path, pauses: list[float]) -> None:
    server = start(answer("403 Forbidden", "Content-Length: 0"))
    assert "URL: HTTP 403 Forbidden; check" in refusal(f"{server.address}/a.zip", tmp_path)
    assert pauses == []


def test_pauses_are_those_that_the_server_asks_for(
    start: Start, tmp_path: Path, pauses: list[float]
) -> None:
    later = email.utils.formatdate(time.time() + 40, usegmt=True)
    values = ("7", later, "soon", "-3")
    server = start(*(answer("503 E", f"Retry-After: {each}") for each in values), ok(CONTENT))
    assert fetched(f"{server.address}/a.zip", tmp_path) == CONTENT
    assert pauses == [7, pytest.approx(40, abs=5), 4, 8]


def test_a_long_pause_is_told_instead(start: Start, tmp_path: Path, pauses: list[float]) -> None:
    server = start(answer("429 Slow down", "Retry-After: 3600"))
    assert refusal(f"{server.address}/a.zip", tmp_path) == (
        "URL: failed 1 times (HTTP 429 Slow down); the server asks to come back in 3600 s"
    )
    assert pauses == []


def dripping(head: bytes) -> Callable[[], Iterator[bytes]]:
    """`head`, and then a byte now and again for ever."""

    def pieces() -> Iterator[bytes]:
        yield head
        while True:
            threading.Event().wait(0.02)  # `pauses` lets nobody sleep
            yield b"1"

    return pieces


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    "head",
    [
        answer("200 OK", "Content-Length: 5000000"),
        answer("200 OK", "Transfer-Encoding: chunked", body=b"2;"),
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 2",
    ],
    ids=["body", "chunk", "header", "status"],
)
def test_a_server_that_sends_byte_after_byte_does_not_hold_us(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: bytes, tls: bool
) -> None:
    monkeypatch.setattr(connection, "STALL_SECONDS", 0.2)
    monkeypatch.setattr(web, "ATTEMPTS", 2)
    server = start(dripping(head), tls=tls)
    told = refusal(f"{server.address}/a.zip", tmp_path)
    assert told.startswith("URL: failed 2 times (less than 64 KB came in 0.2 s); ")


def endless() -> Iterator[bytes]:
    yield answer("200 OK", "Transfer-Encoding: chunked")
    while True:
        yield b"10000\r\n" + bytes(1 << 16) + b"\r\n"


def test_a_download_has_a_deadline(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BERTLINE_LIMITS", '{"download_hours": 1e-4}')
    told = refusal(f"{start(endless).address}/a.zip", tmp_path)
    assert told == (
        "URL: not here after 0.0001 hours; if it is meant to be, set "
        "BERTLINE_LIMITS='{\"download_hours\": 0.0002}'"
    )


@pytest.mark.parametrize("given", [endless, ok(bytes(200_000))], ids=["endless", "announced"])
def test_a_download_has_a_size(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Answer
) -> None:
    monkeypatch.setenv("BERTLINE_LIMITS", '{"source_gb": 1e-4}')
    told = refusal(f"{start(given).address}/a.zip", tmp_path)
    assert told.startswith("URL: more than 0.0001 GB; if it is meant to be, set BERTLINE_LIMITS=")


def test_limits_are_checked(start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BERTLINE_LIMITS", '{"source_bg": 1}')
    with pytest.raises(ConfigError, match=r"^\$BERTLINE_LIMITS: unknown key 'source_bg'; did you"):
        fetched(f"{start(ok(CONTENT)).address}/a.zip", tmp_path)


def test_a_body_of_unknown_length_needs_a_checksum(start: Start, tmp_path: Path) -> None:
    server = start(answer("200 OK", "Connection: close", body=CONTENT))
    url = f"{server.address}/a.zip"
    assert refusal(url, tmp_path).startswith("URL: the server does not say how long the file is")
    assert fetched(url, tmp_path, hashlib.sha256(CONTENT).hexdigest()) == CONTENT


def chunked(body: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    head = answer("200 OK", "Transfer-Encoding: chunked")
    return head + f"{len(body):x}\r\n".encode() + body + b"\r\n" + end


def test_chunks_tell_their_end(start: Start, tmp_path: Path) -> None:
    server = start(chunked(CONTENT, end=b""), chunked(CONTENT))
    assert fetched(f"{server.address}/a.zip", tmp_path) == CONTENT
    assert len(server.requests) == 2


GARBAGE = [
    b"<html>\nlogin\n</html>\n\n",
    b"HTTP/1.1 500 first\x1b[31m\x07 line\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nbody",
    b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nbody",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
    b"HTTP/1.1 200 " + b"long " * 9000 + b"\r\n\r\n",
    b"HTTP/1.1 404 " + b"long " * 9000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nbody",
    answer("302 Found", "Location: /a.zip", "Content-Length: 0"),
    answer("302 Found", "Location: http://[bad/a.zip", "Content-Length: 0"),
    answer("302 Found", "Location: file:///etc/passwd", "Content-Length: 0"),
    answer("302 Found", "Content-Length: 0"),
    answer("204 No Content"),
    answer("206 Partial Content", "Content-Length: 2", body=b"12"),
]


@pytest.mark.parametrize("given", GARBAGE, ids=range(len(GARBAGE)))
def test_a_bad_answer_is_one_short_line(start: Start, tmp_path: Path, given: bytes) -> None:
    assert len(refusal(f"{start(given).address}/a.zip", tmp_path)) < 400


def broken(body: bytes, length: int) -> bytes:
    return answer("200 OK", f"Content-Length: {length}", 'ETag: "1"', body=body)


@pytest.mark.parametrize(
    "second",
    [
        answer("206 Partial", "Content-Range: bytes 0-1/4", "Content-Length: 2", body=b"ab"),
        answer("206 Partial", "Content-Length: 2", body=b"xx"),
        answer("416 Range Not Satisfiable", "Content-Length: 0"),
    ],
    ids=["another part", "no part", "refused"],
)
def test_another_part_than_the_one_asked_for_is_not_added(
    start: Start, tmp_path: Path, second: bytes
) -> None:
    server = start(broken(b"ab", 4), second, ok(b"abcd"))
    assert fetched(f"{server.address}/a.zip", tmp_path) == b"abcd"
    assert ["Range: bytes=2-" in request for request in server.requests] == [False, True, False]
