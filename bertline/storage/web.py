"""Files at http:// and https:// addresses."""

import http.client
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from bertline.errors import StorageError
from bertline.progress import Progress

TIMEOUT_SECONDS = 30
ATTEMPTS = 5
PAUSE_SECONDS = 1.0
BLOCK_BYTES = 1 << 18


def download(url: str, folder: Path) -> Path:
    """The file at `url`, in `folder` under the last name of the address.

    A broken connection is taken up where it broke. Raises StorageError.
    """
    target = folder / _file_name(url)
    with target.open("wb") as stream:
        _copy(url, stream)
    return target


def fingerprint(url: str) -> str:
    """What the server tells of the file's version; something new each time if it tells nothing."""
    with _open(url, "HEAD") as response:
        told = [response.headers[name] for name in ("ETag", "Last-Modified", "Content-Length")]
    return "\n".join([url, *([value for value in told if value] or [uuid.uuid4().hex])])


def _copy(url: str, stream: BinaryIO) -> None:
    response = _open(url)
    validator = response.headers["ETag"] or response.headers["Last-Modified"]
    length = response.headers["Content-Length"]
    size_bytes = int(length) if length else None
    with Progress(f"fetch {_file_name(url)}", size_bytes, "bytes") as progress:
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE_SECONDS)
                response = _open(url, start=stream.tell(), validator=validator)
                if response.status != http.HTTPStatus.PARTIAL_CONTENT:
                    stream.seek(0)
                    stream.truncate()
                    progress.done = 0
            with response:
                ended = _append(response, stream, progress)
            if ended and size_bytes in (None, stream.tell()):
                return
    raise StorageError(f"{url}: the connection broke {ATTEMPTS} times; try again later")


def _append(response: http.client.HTTPResponse, stream: BinaryIO, progress: Progress) -> bool:
    """Writes what the response still holds; whether it ended without an error."""
    while True:
        try:
            block = response.read(BLOCK_BYTES)
        except (ConnectionError, TimeoutError, http.client.HTTPException):
            return False
        if not block:
            return True
        stream.write(block)
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
        raise StorageError(f"{url}: cannot be reached ({reason}); check the address") from None
    return response


def _file_name(url: str) -> str:
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    return name if name not in ("", "..") else "download"
