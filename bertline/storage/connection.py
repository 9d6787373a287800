"""One HTTP request: who may be asked, what may follow a redirect, and how slow an answer may be."""

import base64
import contextlib
import http.client
import ipaddress
import os
import socket
import threading
import time
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit, urlunsplit

from bertline.errors import StorageError, one_line
from bertline.storage.limits import Deadline

TIMEOUT_SECONDS = 30.0
STALL_SECONDS = 60.0
STALL_BYTES = 64 << 10
PASSING = (429, 500, 502, 503, 504)
"""Answers that may be others after a while."""


class Unreachable(StorageError):
    """No server answers at an address; the message has no remedy."""


class Passing(Exception):
    """A request failed for a reason that may pass; pause_seconds: for how long the server asks."""

    def __init__(self, reason: object, pause_seconds: float = 0) -> None:
        super().__init__(one_line(reason))
        self.pause_seconds = pause_seconds


class RangeRefused(Passing):
    """The file has no such part any more."""


class Watch:
    """Ends connections that bring less than STALL_BYTES in STALL_SECONDS, and all at the deadline.

    A timeout of the socket would not: it begins anew with each byte. came_bytes: counted by who
    reads.
    """

    def __init__(self, url: str) -> None:
        self._deadline = Deadline(url)
        self.came_bytes = 0
        self._ended = threading.Event()
        self._socket: socket.socket | None = None
        self._is_cut = False
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self.release()

    def guard(self, connection: socket.socket) -> None:
        """Watches a connection from now on, in the place of the one before."""
        self.release()
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))

    def release(self) -> None:
        """Watches none."""
        self._is_cut = False
        if self._socket:
            self._socket.close()
            self._socket = None

    def check(self) -> None:
        """Raises StorageError after the deadline, and Passing if the connection was ended."""
        self._deadline.check()
        if self._is_cut:
            raise Passing(f"less than {STALL_BYTES >> 10} KB came in {STALL_SECONDS:g} s")

    def _watch(self) -> None:
        before = 0
        while not self._ended.wait(min(STALL_SECONDS, self._deadline.left_seconds)):
            is_late = not self._deadline.left_seconds
            if self._socket and (is_late or self.came_bytes - before < STALL_BYTES):
                self._is_cut = True
                with contextlib.suppress(OSError):  # it has ended by itself
                    self._socket.shutdown(socket.SHUT_RDWR)
            if is_late:
                return
            before = self.came_bytes


def request(url: str, headers: dict[str, str], watch: Watch) -> http.client.HTTPResponse:
    """The server's answer, 200 or 206, with its body still to come.

    A user and a password in the address are sent to its own host only. Raises Passing for what may
    pass, Unreachable where no server answers, StorageError for what the server refuses and for a
    redirect that is not followed.
    """
    try:
        address, credentials = _without_credentials(url)
        # storage.REMOTE lets only http:// and https:// come here.
        made = urllib.request.Request(address, headers=headers)  # noqa: S310
        if credentials:
            made.add_unredirected_header("Authorization", f"Basic {credentials}")
        opener = urllib.request.build_opener(_http(watch), _https(watch), _Redirects(url))
        response: http.client.HTTPResponse = opener.open(made, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        raise _refusal(url, error) from None
    except urllib.error.URLError as error:
        watch.check()
        if isinstance(error.reason, ConnectionResetError | BrokenPipeError):
            raise Passing(error.reason) from None
        raise Unreachable(f"{url}: cannot be reached ({one_line(error.reason)})") from None
    except (ConnectionError, TimeoutError) as error:
        watch.check()
        raise Passing(error) from None
    except http.client.InvalidURL:
        raise Unreachable(f"{url}: is no valid address") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        watch.check()
        reason = one_line(error) or type(error).__name__
        raise Unreachable(f"{url}: cannot be reached ({reason})") from None
    try:
        watch.check()  # headers that end where the watch has cut them look whole
        if response.status not in (http.HTTPStatus.OK, http.HTTPStatus.PARTIAL_CONTENT):
            raise StorageError(f"{url}: HTTP {response.status} brings no file; check the address")
    except BaseException:
        response.close()
        raise
    return response


def _without_credentials(url: str) -> tuple[str, str]:
    """The address without user and password, and these as HTTP's Basic scheme writes them."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    credentials = base64.b64encode(unquote(user).encode()).decode() if at else ""
    return urlunsplit(parts._replace(netloc=host)), credentials


def _refusal(url: str, error: urllib.error.HTTPError) -> Exception:
    """The error for an answer of 300 and above."""
    reason = f"HTTP {error.code} {one_line(error.reason)}"
    if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return RangeRefused(reason)
    if error.code in PASSING:
        return Passing(reason, _pause_seconds(error.headers["Retry-After"]))
    return StorageError(f"{url}: {reason}; check the address and who may read it")


def _pause_seconds(retry_after: str | None) -> float:
    """Seconds from now of a Retry-After header, a number or a date; 0 for none and for nonsense."""
    if not retry_after:
        return 0
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(parsedate_to_datetime(retry_after).timestamp() - time.time(), 0)
    except (ValueError, OverflowError):
        return 0


def _http(watch: Watch) -> urllib.request.HTTPHandler:
    class Connection(http.client.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            watch.guard(self.sock)

    class Handler(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(Connection, req)

    return Handler()


def _https(watch: Watch) -> urllib.request.HTTPSHandler:
    class Connection(http.client.HTTPSConnection):
        def connect(self) -> None:
            super().connect()  # whose handshake has a time of its own
            watch.guard(self.sock)

    class Handler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(Connection, req)

    return Handler()


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect from the user's address `url` where that does not lead less far out."""

    def __init__(self, url: str) -> None:
        self._url = url

    def http_error_302(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any
    ) -> Any:
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except Exception:
            fp.close()
            raise

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        problem = None
        if after.scheme not in ("http", "https"):
            problem = "which is no http:// or https:// address"
        elif before.scheme == "https" and after.scheme == "http":
            problem = "which is not encrypted"
        elif _is_inside(after.hostname) and not _is_inside(urlsplit(self._url).hostname):
            problem = "an address of this machine or of a private network"
        if problem:
            raise StorageError(
                f"{self._url}: redirects to {newurl}, {problem}; give that address itself if it is "
                "to be trusted"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _is_inside(host: str | None) -> bool:
    """Whether a host is this machine, or one that the public network does not reach."""
    try:
        found = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False  # a proxy may know it
    addresses = (ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found)
    return any(not (getattr(each, "ipv4_mapped", None) or each).is_global for each in addresses)
