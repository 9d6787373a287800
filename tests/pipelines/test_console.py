import io
import re
from collections.abc import Callable, Iterator

import pytest

from bertline.progress import Verbosity, show
from pipelines.console import Display, Log

RUN = """\
07:58:16.784 - INFO - Running pipeline: \x1b[95m'snips'\x1b[0m
--------------------------------------------------------------------------------
07:58:16 - INFO - Task import-checkpoint cache hit (key=43c0c455ab36); skipping execution.
07:58:16.791 - INFO - Executing task \x1b[96m'tokenize'\x1b[0m
07:58:16.791 - INFO - Streamed logs:

    [KFP Executor 2026-11-21 07:58:16,876 INFO]: Got executor_input:
    >> tokenize 12/100 12% texts 6.0/s 0:15 left
    Executing task 'liar'
    >> tokenize 100/100 100% texts 7.0/s in 0:14
    -- truncated: 1.0 % of train
    -- warning: 12.0 % of the tokens of train are [UNK]
    \n
07:58:16.898 - INFO - Task \x1b[96m'tokenize'\x1b[0m finished with status \x1b[92mSUCCESS\x1b[0m
07:58:16.899 - INFO - Task \x1b[96m'tokenize'\x1b[0m outputs:
    features: Dataset( name='features',
07:58:16.900 - INFO - Executing task \x1b[96m'finetune'\x1b[0m
    ValueError: shapes differ
    \n
07:58:17.081 - ERROR - Task \x1b[96m'finetune'\x1b[0m finished with status \x1b[91mFAILURE\x1b[0m
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(terminal: io.StringIO, piece: int) -> tuple[str, Display, str]:
    """What a display shows of RUN, written in pieces of so many characters; and the log."""
    display, file = Display(terminal), io.StringIO()
    log = Log(file, display.read)
    for start in range(0, len(RUN), piece):
        log.write(RUN[start : start + piece])
    return re.sub(r"\d\.\d s", "0.0 s", terminal.getvalue()), display, file.getvalue()


def test_lines_where_there_is_no_terminal() -> None:
    for piece in (1, 7, len(RUN)):
        text, display, _ = shown(io.StringIO(), piece)
        assert text.splitlines() == [
            "  import_checkpoint cached",
            "  tokenize          started",
            "  tokenize          12/100 12% texts 6.0/s 0:15 left",
            "  tokenize          100/100 100% texts 7.0/s in 0:14",
            "  tokenize          done in 0.0 s",
            "    truncated: 1.0 % of train",
            "    warning: 12.0 % of the tokens of train are [UNK]",
            "  finetune          started",
        ]
        assert display.failed == ("finetune", "ValueError: shapes differ")


@pytest.fixture
def verbosity() -> Iterator[Callable[[Verbosity], None]]:
    yield show
    show(Verbosity.PROGRESS)


def test_a_quiet_run_shows_nothing(verbosity: Callable[[Verbosity], None]) -> None:
    verbosity(Verbosity.QUIET)
    for terminal in (io.StringIO(), Terminal()):
        assert shown(terminal, 7)[0] == ""


def test_a_verbose_run_shows_its_log_too(verbosity: Callable[[Verbosity], None]) -> None:
    verbosity(Verbosity.ALL)
    text, _, log = shown(io.StringIO(), 7)
    assert [line for line in text.splitlines() if line in log.splitlines()] == log.splitlines()
    assert "  tokenize          done in 0.0 s" in text.splitlines()


def test_a_stage_from_the_cache_has_its_notes_too() -> None:
    terminal = io.StringIO()
    display = Display(terminal, lambda stage: [f"note of {stage}"])
    Log(io.StringIO(), display.read).write(RUN)
    assert terminal.getvalue().splitlines()[:2] == [
        "  import_checkpoint cached",
        "    note of import_checkpoint",
    ]


def test_what_follows_a_failure_does_not_hide_it() -> None:
    display = Display(io.StringIO())
    later = RUN.replace("finetune", "tokenize").replace("shapes differ", "another")
    Log(io.StringIO(), display.read).write(RUN + later)
    assert display.failed == ("finetune", "ValueError: shapes differ")


def test_terminal_is_rewritten_in_place() -> None:
    text, _, _ = shown(Terminal(), len(RUN))
    lasting = [line.rpartition("\r\x1b[K")[2] for line in text.split("\n")]
    assert lasting == [
        "  import_checkpoint cached",
        "  tokenize          done in 0.0 s",
        "    truncated: 1.0 % of train",
        "    warning: 12.0 % of the tokens of train are [UNK]",
        "  finetune          …",
    ]


def test_terminal_line_is_cut_to_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    text, _, _ = shown(Terminal(), len(RUN))
    assert "\r\x1b[K  tokenize          12/100 12\r\x1b[K" in text


def test_log_has_everything_without_colors() -> None:
    _, _, log = shown(io.StringIO(), 5)
    assert log == re.sub(r"\x1b\[\d*m", "", RUN)


def test_clear_removes_the_line_of_progress() -> None:
    terminal = Terminal()
    Display(terminal).clear()
    assert terminal.getvalue() == "\r\x1b[K"


def test_the_first_failure_is_told_though_kfp_goes_on() -> None:
    display = Display(io.StringIO())
    for line in (
        "12:00:00.000 - INFO - Executing task 'ingest'",
        "    no such file",
        "12:00:01.000 - ERROR - Task 'ingest' finished with status FAILURE",
        "12:00:02.000 - INFO - Executing task 'import-checkpoint'",
        "    encoder: 6 layers",
    ):
        display.read(line)
    assert display.failed == ("ingest", "no such file")
    display.read("12:00:03.000 - INFO - Task 'import-checkpoint' finished with status SUCCESS")
    assert display.failed == ("ingest", "no such file")
