"""What the registry asks of the place where the versions of one model lie."""

from collections.abc import Set
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from bertline.errors import StorageError
from bertline.versions import read_version

KIND = "exported"
WITHDRAWN = "withdrawn"


class Latest(NamedTuple):
    """What `latest` says: the number of a version, None if there is none yet.

    generation: which writing of it that is, where the storage tells them apart; else 0.
    """

    number: int | None = None
    generation: int = 0

    @classmethod
    def parse(cls, content: bytes, where: str, generation: int = 0) -> "Latest":
        """What `content` says; raises StorageError if that is no number."""
        return cls(read_version(content, where), generation)


class Withdrawn(NamedTuple):
    """What `withdrawn` says: the versions that were rolled back; generation as in Latest."""

    numbers: Set[int] = frozenset()
    generation: int = 0

    @classmethod
    def parse(cls, content: bytes, where: str, generation: int = 0) -> "Withdrawn":
        """What `content` says; raises StorageError if that is no list of numbers."""
        try:
            return cls(frozenset(map(int, content.split())), generation)
        except ValueError:
            raise StorageError(
                f"{where}: {content[:40]!r} is no list of versions' numbers; write them into it, "
                "one a line"
            ) from None

    @staticmethod
    def content(numbers: Set[int]) -> str:
        """The text that says `numbers`."""
        return "".join(f"{number}\n" for number in sorted(numbers))


class Shelf(Protocol):
    """The place where the versions of one model lie. Methods raise StorageError."""

    def versions(self) -> list[int]:
        """The numbers of the versions that are whole, ascending."""
        ...

    def source(self, version: int) -> object:
        """What the manifest of a version says it was made from; None if it says nothing."""
        ...

    def verify(self, version: int) -> None:
        """Raises DataError if a version is not what its manifest says, as far as can be seen here.

        In a folder all files are read; in a bucket, which compares checksums itself, they are
        looked for.
        """
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Keeps other processes from changing `latest` and `withdrawn`, where there are locks."""
        ...

    def staging(self) -> AbstractContextManager[Path]:
        """A path where a version can be made, to be `put` before the block ends."""
        ...

    def put(self, folder: Path) -> int:
        """The next free number, under which the artifact at `folder` now lies, whole."""
        ...

    def latest(self) -> Latest:
        """What `latest` says."""
        ...

    def move_latest(self, number: int, seen: Latest) -> None:
        """Lets `latest` say `number`; does nothing if it was written since `seen` was read."""
        ...

    def withdrawn(self) -> Withdrawn:
        """What `withdrawn` says."""
        ...

    def withdraw(self, numbers: Set[int], seen: Withdrawn) -> bool:
        """Lets `withdrawn` say `numbers`; False if it was written since `seen` was read."""
        ...
