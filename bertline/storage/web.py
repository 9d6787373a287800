"""Files at http:// and https:// addresses."""

import http.client
import re
import time
import uuid
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from bertline.errors import StorageError
from bertline.progress import Progress
from bertline.storage.connection import Passing, RangeRefused, Unreachable, Watch, request
from bertline.storage.limits import Limits
from bertline.storage.partial import Partial

__all__ = ["Unreachable", "download", "file_name", "fingerprint"]

ATTEMPTS = 5
PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
BLOCK_BYTES = 1 << 18

T = TypeVar("T")


def download(url: str, folder: Path, sha256: str | None = None) -> Path:
    """The file at `url`, in `folder` under the last name of the address.

    A broken connection is taken up where it broke, also by a later call or process, if the server
    still has that version. sha256: what the caller compares the file with; without it the server
    has to say how long the file is, since nothing else shows that one is cut short. Raises
    StorageError, Unreachable among them.
    """
    target = folder / file_name(url)
    with Partial.of(url) as partial, Watch(url) as watch:
        partial.drop_last_byte()
        _repeated(
            lambda: _complete(url, partial, watch, is_checked=sha256 is not None),
            watch,
            url,
            "try again later, what came is kept",
        )
        partial.finish(target)
    return target


def fingerprint(url: str) -> str:
    """What the server tells of the file's version; something new each time if it tells nothing."""
    with Watch(url) as watch:
        # Not by HEAD: addresses that are signed for a download would refuse it.
        response = _repeated(lambda: request(url, {}, watch), watch, url, "try again later")
        with response:
            told = [response.headers[name] for name in ("ETag", "Last-Modified", "Content-Length")]
    return "\n".join([url, *([value for value in told if value] or [uuid.uuid4().hex])])


def file_name(url: str) -> str:
    """The name of the file that `download` makes of `url`."""
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    return name if name not in ("", "..") and "\0" not in name else "download"


def _repeated(attempt: Callable[[], T], watch: Watch, url: str, remedy: str) -> T:
    """What `attempt` returns at last; between attempts that fail are pauses that double."""
    for number in range(ATTEMPTS):
        watch.check()
        try:
            return attempt()
        except Passing as error:
            reason = str(error)
            pause_seconds = max(error.pause_seconds, PAUSE_SECONDS * 2**number)
        finally:
            watch.release()
        if pause_seconds > LONGEST_PAUSE_SECONDS:
            remedy = f"the server asks to come back in {pause_seconds:.0f} s"
            break
        if number + 1 < ATTEMPTS:
            time.sleep(pause_seconds)
    raise StorageError(f"{url}: failed {number + 1} times ({reason}); {remedy}")


def _complete(url: str, partial: Partial, watch: Watch, is_checked: bool) -> None:
    """Adds to `partial` what is missing of the file at `url`; raises Passing if some still is."""
    start, validator = partial.size_bytes, partial.validator
    headers = {"Range": f"bytes={start}-", "If-Range": validator} if start and validator else {}
    try:
        response = request(url, headers, watch)
    except RangeRefused:
        partial.restart(None)
        raise
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            partial.restart(response.headers["ETag"] or response.headers["Last-Modified"])
        elif not headers or _first_byte(response) != start:
            partial.restart(None)
            raise Passing("another part of the file was sent than the one asked for")
        if response.length is None and not response.chunked and not is_checked:
            raise StorageError(
                f"{url}: the server does not say how long the file is, so one that is cut short "
                "would pass for whole; give its SHA-256, or download it and give its path"
            )
        _append(url, response, partial, watch)


def _first_byte(response: http.client.HTTPResponse) -> int | None:
    """Number of the byte that a partial answer begins with."""
    found = re.match(r"bytes (\d+)-", response.headers["Content-Range"] or "")
    return int(found[1]) if found else None


def _append(url: str, response: http.client.HTTPResponse, partial: Partial, watch: Watch) -> None:
    """Adds what the response holds; raises Passing if that is not all of it."""
    before, limits = partial.size_bytes, Limits.current()
    size_bytes = None if response.length is None else before + response.length
    limits.check_size(url, size_bytes or 0)
    with Progress(f"fetch {file_name(url)}", size_bytes, "bytes", done=before) as progress:
        while True:
            try:
                block = response.read1(BLOCK_BYTES)
            except (OSError, http.client.HTTPException):
                watch.check()
                raise Passing("the connection broke") from None
            watch.check()
            if not block:
                break
            watch.came_bytes += len(block)
            partial.append(block)
            progress.update(len(block))
            limits.check_size(url, partial.size_bytes)
    if size_bytes not in (None, partial.size_bytes):
        raise Passing("the connection broke")
