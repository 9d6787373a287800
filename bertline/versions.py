"""The number of a version, as the file `latest` of a registry holds it."""

import re

from bertline.errors import StorageError

LATEST = "latest"


def read_version(content: bytes, where: str) -> int:
    """The number in the content of the file `latest` at `where`; StorageError if it is none."""
    if not re.fullmatch(rb"[1-9][0-9]{0,17}", content.strip()):
        raise StorageError(f"{where}: {content[:40]!r} is no version's number; write one into it")
    return int(content)
