import io

import pytest

from bertline.progress import Progress, Verbosity, duration, show


class Clock:
    """A clock that is moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 100.0
        monkeypatch.setattr("time.monotonic", lambda: self.seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_count_percentage_rate_and_time_left(clock: Clock) -> None:
    progress = Progress("tokenize", 4000, "examples", stream=io.StringIO())
    clock.seconds += 10
    progress.update(1000)
    assert progress.line() == "tokenize 1,000/4,000 25% examples 100.0/s 0:30 left"
    clock.seconds += 20
    progress.update(3000)
    assert progress.line() == "tokenize 4,000/4,000 100% examples 133.3/s in 0:30"


def test_without_a_total_there_is_no_end_to_tell(clock: Clock) -> None:
    progress = Progress("ingest", None, "lines", stream=io.StringIO())
    clock.seconds += 4
    progress.update(10)
    assert progress.line() == "ingest 10 lines 2.5/s in 0:04"


def test_what_was_done_before_is_not_in_the_rate(clock: Clock) -> None:
    progress = Progress("finetune", 100, "steps", done=60, stream=io.StringIO())
    assert progress.line() == "finetune 60/100 60% steps 0.0/s in 0:00"
    clock.seconds += 5
    progress.update(10, note="loss 0.25")
    assert progress.line() == "finetune 70/100 70% steps 2.0/s 0:15 left loss 0.25"
    progress.update(1)
    assert progress.line().endswith("left loss 0.25")


def test_100_percent_is_the_end_and_not_before(clock: Clock) -> None:
    progress = Progress("finetune", 1000, "steps", done=999, stream=io.StringIO())
    assert "99%" in progress.line()
    assert "0/0 0%" in Progress("finetune", 0, "steps", stream=io.StringIO()).line()


def test_a_log_gets_a_marked_line_every_two_seconds(clock: Clock) -> None:
    log = io.StringIO()
    with Progress("export", 4, "files", stream=log) as progress:
        for _ in range(3):
            clock.seconds += 1
            progress.update()
        clock.seconds += 1
        progress.done += 1
    assert log.getvalue().splitlines() == [
        ">> export 2/4 50% files 1.0/s 0:02 left",
        ">> export 4/4 100% files 1.0/s in 0:04",
    ]


def test_a_terminal_gets_one_line_that_changes(clock: Clock) -> None:
    terminal = Terminal()
    with Progress("export", 2, "files", stream=terminal) as progress:
        clock.seconds += 1
        progress.update()
        clock.seconds += 0.05
        progress.update()
    first, last = "export 1/2 50% files 1.0/s 0:01 left", "export 2/2 100% files 1.9/s in 0:01"
    assert terminal.getvalue() == f"\r\x1b[K{first}\r\x1b[K{last}\n"


def test_the_last_line_is_printed_once(clock: Clock) -> None:
    log = io.StringIO()
    with Progress("export", 2, "files", stream=log) as progress:
        for note in ("a", "b"):
            clock.seconds += 3
            progress.update(note=note)
    assert log.getvalue().splitlines() == [
        ">> export 1/2 50% files 0.3/s 0:03 left a",
        ">> export 2/2 100% files 0.3/s in 0:06 b",
    ]


def test_nothing_is_shown_where_it_is_to_be_quiet(clock: Clock) -> None:
    for stream in (io.StringIO(), Terminal()):
        show(Verbosity.QUIET)
        try:
            with Progress("export", 1, "files", stream=stream) as progress:
                clock.seconds += 3
                progress.update()
        finally:
            show(Verbosity.PROGRESS)
        assert stream.getvalue() == ""


def test_where_it_stopped_is_shown_when_it_fails(clock: Clock) -> None:
    log = io.StringIO()
    with pytest.raises(ValueError, match="broken"), Progress("x", 2, "y", stream=log) as progress:
        clock.seconds += 1
        progress.update()
        raise ValueError("broken")
    assert log.getvalue() == ">> x 1/2 50% y 1.0/s 0:01 left\n"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0:00"), (9.6, "0:10"), (59.7, "1:00"), (754, "12:34"), (3600, "1:00:00")],
)
def test_durations(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected
