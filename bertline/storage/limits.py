"""How much is fetched and unpacked at most, and for how long: what a user can raise."""

import os
import time
from typing import Annotated, Self

from pydantic import Field

from bertline.config import Config
from bertline.errors import StorageError

VARIABLE = "BERTLINE_LIMITS"
SMALLEST_ARCHIVE_BYTES = 1_000_000
"""What an archive counts for at least in `unpacked_ratio`: small ones may be mostly repetition."""

Size = Annotated[float, Field(gt=0)]


class Limits(Config):
    """Limits that hold for each source; $BERTLINE_LIMITS sets others, as a JSON object.

    source_gb: of what is downloaded, copied or unpacked. source_entries: files and folders in an
    archive. unpacked_ratio: the size of what an archive holds, in sizes of the archive.
    download_hours: with all pauses and attempts.
    """

    source_gb: Size = 50
    source_entries: Annotated[int, Field(ge=1)] = 1_000_000
    unpacked_ratio: Size = 200
    download_hours: Size = 12

    @classmethod
    def current(cls) -> Self:
        """The limits of this process; raises ConfigError for a wrong $BERTLINE_LIMITS."""
        return cls.parse_json(os.environ.get(VARIABLE) or "{}", where=f"${VARIABLE}")

    def check_size(self, source: object, size_bytes: int) -> None:
        """Raises StorageError if `size_bytes` are more than `source_gb`."""
        if size_bytes > self.source_gb * 1e9:
            raise exceeded(
                source, f"more than {self.source_gb:g} GB", f'{{"source_gb": {size_bytes / 1e9:g}}}'
            )

    def unpacked_bytes(self, archive_bytes: int) -> float:
        """How much an archive of this size may hold."""
        own = max(archive_bytes, SMALLEST_ARCHIVE_BYTES)
        return min(self.source_gb * 1e9, self.unpacked_ratio * own)


def exceeded(source: object, problem: str, limits: str) -> StorageError:
    """The error of a source that is beyond a limit, and how to raise it."""
    return StorageError(f"{source}: {problem}; if it is meant to be, set {VARIABLE}='{limits}'")


class Deadline:
    """Until when a source has to be here."""

    def __init__(self, source: str) -> None:
        self._source, self._hours = source, Limits.current().download_hours
        self._end = time.monotonic() + self._hours * 3600

    @property
    def left_seconds(self) -> float:
        """How long it is until then; 0 from then on."""
        return max(self._end - time.monotonic(), 0)

    def check(self) -> None:
        """Raises StorageError from then on."""
        if not self.left_seconds:
            limits = f'{{"download_hours": {2 * self._hours:g}}}'
            raise exceeded(self._source, f"not here after {self._hours:g} hours", limits)
