"""What a run shows: a log file with everything, a terminal with a few lines per stage."""

import io
import re
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO

from bertline.addresses import without_secrets
from bertline.progress import MARK, NOTE, Verbosity, is_shown

COLOR = re.compile(r"\x1b\[\d*m")
# Lines of kfp.local 2.17: its own begin with a time, those of a stage are indented.
STARTED = re.compile(r"[\d:.]+ - INFO - Executing task '([\w-]+)'")
ENDED = re.compile(r"[\d:.]+ - \w+ - Task '([\w-]+)' finished with status (SUCCESS|FAILURE)")
CACHED = re.compile(r"[\d:.]+ - INFO - Task ([\w-]+) cache hit")
INDENT = "    "


class Log(io.TextIOBase):
    """A text stream that writes whole lines, without colors and secrets, to a file and `on_line`.

    kfp logs the settings of each stage, and with them the addresses of its sources.
    """

    def __init__(self, file: TextIO, on_line: Callable[[str], None]) -> None:
        self._file, self._on_line = file, on_line
        self._pending = ""

    def write(self, text: str) -> int:
        """Takes any piece of text; what follows the last line end waits for the next piece."""
        *lines, self._pending = (self._pending + text).split("\n")
        for line in lines:
            plain = without_secrets(COLOR.sub("", line))
            self._file.write(f"{plain}\n")
            self._file.flush()
            self._on_line(plain)
        return len(text)

    def writable(self) -> bool:
        """True."""
        return True


class Board:
    """A terminal with one line per stage, and below it what there is to note.

    Where progress is not to be shown, it shows nothing.

    A stage gets its lasting lines when it has ended. What passes is rewritten in place on a
    terminal and printed line by line elsewhere.
    """

    def __init__(self, terminal: TextIO) -> None:
        self.in_place = terminal.isatty()
        self._terminal = terminal if is_shown(Verbosity.PROGRESS) else io.StringIO()

    def passing(self, stage: str, text: str) -> None:
        """Shows how far a stage is."""
        line = f"  {stage:<18}{text}"
        if self.in_place:
            columns = shutil.get_terminal_size().columns
            self._terminal.write(f"\r\x1b[K{line[: columns - 1]}")
        else:
            self._terminal.write(f"{line}\n")
        self._terminal.flush()

    def lasting(self, stage: str, text: str, notes: Iterable[str] = ()) -> None:
        """Shows how a stage has ended, and its notes."""
        self.clear()
        self._terminal.write(f"  {stage:<18}{text}\n")
        self._terminal.writelines(f"    {note}\n" for note in notes)
        self._terminal.flush()

    def log(self, line: str) -> None:
        """Shows a line as it is."""
        self.clear()
        self._terminal.write(f"{line}\n")

    def clear(self) -> None:
        """Removes what passes, if a line of it stands."""
        if self.in_place:
            self._terminal.write("\r\x1b[K")
            self._terminal.flush()


class Display:
    """Shows the stages of a local run on a board, from the lines of its log.

    stage: the one that is running or has failed, None between stages. last_words: the last line
    that it wrote. cached_notes: gives for a stage that came from the cache the notes that it made.
    """

    def __init__(
        self,
        terminal: TextIO,
        cached_notes: Callable[[str], Sequence[str]] = lambda stage: (),
    ) -> None:
        self.stage: str | None = None
        self.last_words = ""
        self._notes: list[str] = []
        self._cached_notes = cached_notes
        self._board = Board(terminal)
        self._start = 0.0
        self._failed: tuple[str, str] | None = None

    @property
    def failed(self) -> tuple[str, str] | None:
        """The stage that failed first, or else is running, with its last words.

        kfp goes on after a failure with the stages that do not depend on it.
        """
        return self._failed or (None if self.stage is None else (self.stage, self.last_words))

    def read(self, line: str) -> None:
        """Takes the next line of the log, and shows it where all is to be shown."""
        if is_shown(Verbosity.ALL):
            self._board.log(line)
        if line.startswith(INDENT):
            self._read_stage(line.removeprefix(INDENT))
        elif match := STARTED.match(line):
            self.stage, self.last_words, self._notes = _stage(match[1]), "", []
            self._start = time.monotonic()
            self._board.passing(self.stage, "…" if self._board.in_place else "started")
        elif match := ENDED.match(line):
            if match[2] == "SUCCESS":
                seconds = time.monotonic() - self._start
                self._board.lasting(_stage(match[1]), f"done in {seconds:.1f} s", self._notes)
            else:
                self._failed = self.failed
            self.stage = None
        elif match := CACHED.match(line):
            stage = _stage(match[1])
            self._board.lasting(stage, "cached", self._cached_notes(stage))

    def tell(self, origin: str, text: str) -> None:
        """Shows a lasting line that is not of the stage that runs."""
        self._board.lasting(origin, text)

    def clear(self) -> None:
        """Removes the line of progress, if one stands."""
        self._board.clear()

    def _read_stage(self, line: str) -> None:
        if line.startswith(MARK):
            text = line.removeprefix(MARK).removeprefix(f"{self.stage} ")
            self._board.passing(str(self.stage), text)
        elif line.startswith(NOTE):
            self._notes.append(line.removeprefix(NOTE))
        elif line.strip():
            self.last_words = line.strip()


def _stage(task_name: str) -> str:
    return task_name.replace("-", "_")
