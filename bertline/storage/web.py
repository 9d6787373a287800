"""Files at http:// and https:// addresses."""

import http.client
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from bertline.errors import StorageError
from bertline.progress import Progress
from bertline.storage.partial import Partial

TIMEOUT_SECONDS = 30
ATTEMPTS = 5
PAUSE_SECONDS = 1.0
BLOCK_BYTES = 1 << 18


class Unreachable(StorageError):
    """No server answers at an address; the message tells no remedy."""


def download(url: str, folder: Path) -> Path:
    """The file at `url`, in `folder` under the last name of the address.

    A broken connection is taken up where it broke, also by a later call or process, if the server
    still has that version. Raises StorageError, Unreachable among them.
    """
    target = folder / file_name(url)
    with Partial.of(url) as partial:
        _complete(url, partial)
        partial.finish(target)
    return target


def fingerprint(url: str) -> str:
    """What the server tells of the file's version; something new each time if it tells nothing."""
    with _open(url, "HEAD") as response:
        told = [response.headers[name] for name in ("ETag", "Last-Modified", "Content-Length")]
    return "\n".join([url, *([value for value in told if value] or [uuid.uuid4().hex])])


def file_name(url: str) -> str:
    """The name of the file that `download` makes of `url`."""
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    return name if name not in ("", "..") else "download"


def _complete(url: str, partial: Partial) -> None:
    """Adds to `partial` what is missing of the file at `url`."""
    partial.drop_last_byte()
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECONDS)
        with _open(url, start=partial.size_bytes, validator=partial.validator) as response:
            if response.status != http.HTTPStatus.PARTIAL_CONTENT:
                partial.restart(response.headers["ETag"] or response.headers["Last-Modified"])
            if _append(response, partial, label=f"fetch {file_name(url)}"):
                return
    raise StorageError(
        f"{url}: the connection broke {ATTEMPTS} times; try again later, what came is kept"
    )


def _append(response: http.client.HTTPResponse, partial: Partial, label: str) -> bool:
    """Adds what the response holds; whether that was all of it."""
    before, length = partial.size_bytes, response.headers["Content-Length"]
    size_bytes = before + int(length) if length else None
    with Progress(label, size_bytes, "bytes", done=before) as progress:
        while True:
            try:
                block = response.read(BLOCK_BYTES)
            except (ConnectionError, TimeoutError, http.client.HTTPException):
                return False
            if not block:
                return size_bytes in (None, partial.size_bytes)
            partial.append(block)
            progress.update(len(block))


def _open(
    url: str, method: str = "GET", start: int = 0, validator: str | None = None
) -> http.client.HTTPResponse:
    """The server's response: the bytes from `start` on if the file is still that version."""
    headers = {"Range": f"bytes={start}-", "If-Range": validator} if start and validator else {}
    try:
        # storage.REMOTE lets only http:// and https:// come here.
        request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310
        response: http.client.HTTPResponse = urllib.request.urlopen(  # noqa: S310
            request, timeout=TIMEOUT_SECONDS
        )
    except urllib.error.HTTPError as error:
        error.close()
        raise StorageError(
            f"{url}: HTTP {error.code} {error.reason}; check the address and who may read it"
        ) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise Unreachable(f"{url}: cannot be reached ({reason})") from None
    return response
