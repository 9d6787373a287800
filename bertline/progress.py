"""Progress of long work: count, percentage, rate and time left.

On a terminal one line is rewritten in place. Elsewhere (a stage's log, a pod) a line that starts
with MARK is printed every few seconds, which is how the local runner picks progress out of logs.
In the same way it picks out the lines of `note`.
"""

import enum
import logging
import sys
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self, TextIO

MARK = ">> "
NOTE = "-- "


def note(lines: Iterable[str]) -> None:
    """Prints lines that a local run leaves on its terminal below the stage that printed them."""
    for line in lines:
        print(f"{NOTE}{line}", flush=True)


LOGGER = logging.getLogger("bertline.progress")
"""Whose level decides what is shown, of this process alone: `Verbosity` are its values."""


class Verbosity(enum.IntEnum):
    """What a terminal gets beside results and errors: nothing, progress, or all there is."""

    QUIET = logging.WARNING
    PROGRESS = logging.INFO
    ALL = logging.DEBUG


def show(verbosity: Verbosity) -> None:
    """Sets what this process shows; at first that is PROGRESS."""
    LOGGER.setLevel(verbosity)


def is_shown(verbosity: Verbosity) -> bool:
    """Whether this process shows what needs at least `verbosity`."""
    return LOGGER.isEnabledFor(verbosity)


show(Verbosity.PROGRESS)


class Progress:
    """A context manager that counts `unit`s of work up to `total` (None: not known).

    done: how many were finished before (a resumed run); they do not count in the rate.
    """

    def __init__(
        self,
        label: str,
        total: int | None,
        unit: str,
        done: int = 0,
        stream: TextIO | None = None,
        seconds_between_lines: float = 2.0,
    ) -> None:
        self.label, self.total, self.unit, self.done = label, total, unit, done
        self._before = done
        self._stream = stream or sys.stderr
        self._in_place = self._stream.isatty()
        self._between = 0.1 if self._in_place else seconds_between_lines
        self._start = self._shown = time.monotonic()
        self._note = ""
        self._printed: tuple[int, str] | None = None

    def __enter__(self) -> Self:
        return self

    def update(self, count: int = 1, note: str = "") -> None:
        """Adds `count` units; `note` is shown at the end of the line ("loss 0.312")."""
        self.done += count
        self._note = note or self._note
        now = time.monotonic()
        if now - self._shown >= self._between:
            self._shown = now
            self._show()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._show()
        if self._in_place and is_shown(Verbosity.PROGRESS):
            self._stream.write("\n")

    def line(self) -> str:
        """The text of the line as of now."""
        seconds = max(time.monotonic() - self._start, 1e-9)
        rate = (self.done - self._before) / seconds
        parts = [self.label, f"{self.done:,}"]
        if self.total is not None:
            parts[1] = f"{self.done:,}/{self.total:,}"
            parts.append(f"{100 * self.done // max(self.total, 1)}%")
        parts += [self.unit, f"{rate:,.1f}/s"]
        if self.total is not None and rate > 0 and self.done < self.total:
            parts.append(f"{duration((self.total - self.done) / rate)} left")
        else:
            parts.append(f"in {duration(seconds)}")
        return " ".join([*parts, self._note]).rstrip()

    def _show(self) -> None:
        if not is_shown(Verbosity.PROGRESS):
            return
        if self._in_place:
            self._stream.write(f"\r\x1b[K{self.line()}")
        elif self._printed != (self.done, self._note):
            self._stream.write(f"{MARK}{self.line()}\n")
        self._printed = self.done, self._note
        self._stream.flush()


def duration(seconds: float) -> str:
    """`seconds` as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
