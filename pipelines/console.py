"""What a local run shows: a log file with everything, a terminal with a line a stage."""

import io
import re
import shutil
import time
from collections.abc import Callable
from typing import TextIO

from bertline.progress import MARK

COLOR = re.compile(r"\x1b\[\d*m")
# Lines of kfp.local 2.17: its own begin with a time, those of a stage are indented.
STARTED = re.compile(r"[\d:.]+ - INFO - Executing task '([\w-]+)'")
ENDED = re.compile(r"[\d:.]+ - \w+ - Task '([\w-]+)' finished with status (SUCCESS|FAILURE)")
CACHED = re.compile(r"[\d:.]+ - INFO - Task ([\w-]+) cache hit")
INDENT = "    "


class Log(io.TextIOBase):
    """A text stream that writes whole lines, without colors, to a file and to `on_line`."""

    def __init__(self, file: TextIO, on_line: Callable[[str], None]) -> None:
        self._file, self._on_line = file, on_line
        self._pending = ""

    def write(self, text: str) -> int:
        """Takes any piece of text; what follows the last line end waits for the next piece."""
        *lines, self._pending = (self._pending + text).split("\n")
        for line in lines:
            plain = COLOR.sub("", line)
            self._file.write(f"{plain}\n")
            self._file.flush()
            self._on_line(plain)
        return len(text)

    def writable(self) -> bool:
        """True."""
        return True


class Display:
    """Shows the stages of a run from the lines of its log.

    A stage gets one lasting line when it ends or is taken from the cache. Its progress is
    rewritten in place on a terminal and printed line by line elsewhere.
    failed: the first stage that failed, if one has. last_words: the last line that it wrote.
    """

    def __init__(self, terminal: TextIO) -> None:
        self.failed: str | None = None
        self.last_words = ""
        self._stage: str | None = None
        self._terminal = terminal
        self._in_place = terminal.isatty()
        self._start = 0.0

    def read(self, line: str) -> None:
        """Takes the next line of the log."""
        if line.startswith(INDENT):
            self._read_stage(line.removeprefix(INDENT))
        elif match := STARTED.match(line):
            self._stage = _stage(match[1])
            self._start = time.monotonic()
            self._passing("…" if self._in_place else "started")
        elif (match := ENDED.match(line)) and match[2] == "SUCCESS":
            self._lasting(_stage(match[1]), f"done in {time.monotonic() - self._start:.1f} s")
        elif match:
            self.failed = self.failed or _stage(match[1])
        elif match := CACHED.match(line):
            self._lasting(_stage(match[1]), "cached")

    def clear(self) -> None:
        """Removes the line of progress, if one stands."""
        if self._in_place:
            self._terminal.write("\r\x1b[K")
            self._terminal.flush()

    def _read_stage(self, line: str) -> None:
        if line.startswith(MARK):
            self._passing(line.removeprefix(MARK).removeprefix(f"{self._stage} "))
        elif line.strip() and self.failed is None:
            self.last_words = line.strip()

    def _passing(self, text: str) -> None:
        line = f"  {self._stage:<18}{text}"
        if self._in_place:
            columns = shutil.get_terminal_size().columns
            self._terminal.write(f"\r\x1b[K{line[: columns - 1]}")
        else:
            self._terminal.write(f"{line}\n")
        self._terminal.flush()

    def _lasting(self, stage: str, text: str) -> None:
        self.clear()
        self._terminal.write(f"  {stage:<18}{text}\n")
        self._terminal.flush()


def _stage(task_name: str) -> str:
    return task_name.replace("-", "_")
