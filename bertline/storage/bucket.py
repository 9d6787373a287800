"""A bucket of Cloud Storage: its objects listed, read, added and replaced.

Credentials are found by the usual default chain. Where $STORAGE_EMULATOR_HOST is set, the bucket is
that emulator's.
"""

import base64
import contextlib
import io
import os
import re
from collections.abc import Iterator
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from bertline.errors import StorageError
from bertline.storage.gcs_errors import told

RETRY_SECONDS = 30.0
PAUSE_SECONDS = 1.0
TIMEOUT_SECONDS = 20.0
CHUNK_BYTES = 4 << 20
"""What is sent again where a connection breaks; small enough for a slow line's RETRY_SECONDS."""
BLOCK_BYTES = 1 << 20


@contextlib.contextmanager
def opened(url: str) -> Iterator[tuple["Bucket", str]]:
    """The bucket at `url` and the name below it, without slashes around.

    What the client raises in the block is told as a StorageError.
    """
    parts = urlsplit(url)
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]+[a-z0-9]", parts.netloc):
        raise StorageError(f"{url}: {parts.netloc!r} is no bucket's name; give gs://BUCKET/NAME")
    with told(url), contextlib.closing(_client()) as client:
        yield Bucket(client, parts.netloc), parts.path.strip("/")


class Bucket:
    """The objects of a bucket by their names; each is there whole or not at all.

    Calls that fail for a reason that may pass are repeated for RETRY_SECONDS, after pauses that
    begin with PAUSE_SECONDS.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._bucket = client, client.bucket(name)
        self.address = f"gs://{name}"

    def listed(self, prefix: str) -> Iterator[Any]:
        """The client's Blobs whose names begin with `prefix`, sorted by name."""
        blobs: Iterator[Any] = self._client.list_blobs(self._bucket, prefix=prefix, **patience())
        return blobs

    def read(self, name: str) -> tuple[bytes, int] | None:
        """The contents of an object and their generation; None if there is no such object."""
        from google.api_core.exceptions import NotFound

        blob = self._bucket.blob(name)
        try:
            content = blob.download_as_bytes(checksum="crc32c", **patience())
        except NotFound:
            return None
        return content, int(blob.generation)

    def add(self, name: str, stream: BinaryIO) -> bool:
        """Uploads a new object; False if one with other contents has that name.

        Files of more than 8 MiB go in chunks, in a session that a broken connection does not end.
        Checksums are compared, also with an object that is there: after a lost answer it is ours.
        """
        from google.api_core.exceptions import PreconditionFailed

        blob = self._bucket.blob(name, chunk_size=CHUNK_BYTES)
        size_bytes = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        try:
            blob.upload_from_file(
                stream, size=size_bytes, checksum="crc32c", if_generation_match=0, **patience()
            )
        except PreconditionFailed:
            blob.reload(**patience())
            stream.seek(0)
            same: bool = blob.crc32c == crc32c(stream)
            return same
        return True

    def replace(self, name: str, content: bytes, generation: int) -> bool:
        """Puts `content` in the place of that generation; False if another is there by now.

        generation: 0 means that there is no such object.
        """
        from google.api_core.exceptions import PreconditionFailed

        try:
            self._bucket.blob(name).upload_from_string(
                content, checksum="crc32c", if_generation_match=generation, **patience()
            )
        except PreconditionFailed:
            return False
        return True


def crc32c(stream: BinaryIO) -> str:
    """CRC-32C of the rest of the stream, as Cloud Storage writes it (base64, big-endian)."""
    import google_crc32c

    checksum = 0
    for block in iter(lambda: stream.read(BLOCK_BYTES), b""):
        checksum = google_crc32c.extend(checksum, block)
    return base64.b64encode(checksum.to_bytes(4, "big")).decode()


def patience() -> dict[str, Any]:
    """The arguments of each call that tell the client how long to wait."""
    from google.cloud.storage.retry import DEFAULT_RETRY

    retry = DEFAULT_RETRY.with_timeout(RETRY_SECONDS).with_delay(initial=PAUSE_SECONDS)
    return {"retry": retry, "timeout": TIMEOUT_SECONDS}


def _client() -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    if "STORAGE_EMULATOR_HOST" in os.environ:
        return storage.Client(project="emulated", credentials=AnonymousCredentials())
    return storage.Client()
