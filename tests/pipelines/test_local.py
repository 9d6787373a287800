"""Really through kfp.local, with tasks that take no time."""

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bertline.errors import ConfigError, StageError, StorageError
from bertline.leftovers import held_folder
from pipelines.local import Place, run_locally
from tests.pipelines.toy_line import conditional_line, toy_line

PROJECT = Path(__file__).parent.parent.parent


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "runs")


def run(place: Place, settings: str, cache_key: str = "one") -> tuple[str, str]:
    """The output of the toy line and what was shown, without times."""
    terminal = io.StringIO()
    with place.locked():
        outputs = run_locally(toy_line(cache_key), {"settings": settings}, place, terminal)
    return outputs.pipeline["Output"], terminal.getvalue()


def test_shows_progress_and_keeps_noise_in_the_log(
    place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    output, shown = run(place, "hello")
    assert output == "hello"
    lines = shown.splitlines()
    assert lines[0].split() == ["first", "started"]
    assert lines[1].split(maxsplit=1) == ["first", "texts 1/2 50%"]
    assert lines[2].startswith("  first             done in ")
    assert lines[3].split() == ["second", "started"]
    assert lines[4].startswith("  second            done in ")
    assert len(lines) == 5
    (log,) = (place.root / "logs").iterdir()
    assert "noise" in log.read_text()
    assert "\x1b" not in log.read_text()
    assert capfd.readouterr() == ("", "")


def test_second_run_comes_from_the_cache(place: Place) -> None:
    run(place, "hello")
    output, shown = run(place, "hello")
    assert output == "hello"
    assert shown.split("\n") == ["  first             cached", "  second            cached", ""]


def test_a_folder_of_runs_can_be_copied_and_moved(place: Place, tmp_path: Path) -> None:
    run(place, "hello")
    copied = Place(tmp_path / "copied")
    shutil.copytree(place.root, copied.root)
    assert run(copied, "hello")[1].count("cached") == 2
    shutil.rmtree(place.root)
    moved = Place(tmp_path / "other/moved")
    moved.root.parent.mkdir()
    copied.root.rename(moved.root)
    output, shown = run(moved, "hello")
    assert (output, shown.count("cached")) == ("hello", 2)
    (file,) = moved.artifacts.glob("*/first/made/text.txt")
    file.write_text("jello")
    assert "first             done in" in run(moved, "hello")[1]


def test_a_damaged_artifact_is_made_again_and_told(place: Place) -> None:
    run(place, "hello")
    (file,) = place.artifacts.glob("*/first/made/text.txt")
    file.write_text("jello")
    output, shown = run(place, "hello")
    assert output == "hello"
    damaged = "damaged (its SHA-256 is not the manifest's); first runs again"
    assert shown.startswith(f"  cache             {file}: {damaged}\n")
    assert "  first             done in" in shown
    assert run(place, "hello")[1].count("cached") == 2


def test_what_reads_other_contents_runs_again_too(place: Place, tmp_path: Path) -> None:
    run(place, "hello")
    (file,) = place.artifacts.glob("*/first/made/text.txt")
    file.unlink()
    # Under the same fingerprint another content comes out, as times in an artifact may differ.
    output, shown = run(place, "good bye")
    assert output == "good bye"
    assert "  second            done in" in shown


def test_a_damaged_entry_is_dropped(place: Place) -> None:
    run(place, "hello")
    for entry in place.cache.glob("*.json"):
        entry.write_bytes(b"\xff\xfe{")
    output, shown = run(place, "hello")
    assert output == "hello"
    assert shown.count("runs again") == 2
    assert run(place, "hello")[1].count("cached") == 2


def test_what_killed_runs_left_is_removed(place: Place, tmp_path: Path) -> None:
    run(place, "hello")
    (task,) = place.artifacts.glob("*/first")
    with held_folder(task, "made") as live:
        left = [folder / live.name.replace("made", "x") for folder in (task, place.cache)]
        for folder in left:
            folder.mkdir()
        run(place, "hello")
        assert [folder.exists() for folder in (live, *left)] == [True, False, False]


def test_another_cache_key_runs_again(place: Place) -> None:
    run(place, "hello")
    output, shown = run(place, "good bye", cache_key="two")
    assert output == "good bye"
    assert "cached" not in shown


def test_task_whose_files_are_gone_runs_again(place: Place) -> None:
    run(place, "hello")
    (file,) = place.artifacts.glob("*/first/made/text.txt")
    file.unlink()
    output, shown = run(place, "hello")
    assert output == "hello"
    assert "  first             done in" in shown
    assert "  second            cached" in shown


def test_failed_stage_is_one_line_with_its_exit_code(place: Place) -> None:
    with pytest.raises(StageError) as raised:
        run(place, "wrong data")
    (log,) = (place.root / "logs").iterdir()
    assert str(raised.value) == f"first: labels.txt: no labels; write some; log: {log}"
    assert raised.value.exit_code == 2


def test_stage_with_a_bug_tells_its_last_words(place: Place) -> None:
    with pytest.raises(StageError, match=r"first: .*'ValueError: shapes differ'.*log") as raised:
        run(place, "bug")
    assert raised.value.exit_code == 1


def test_failed_stage_is_not_cached(place: Place) -> None:
    with pytest.raises(StageError):
        run(place, "wrong data")
    assert run(place, "right data")[0] == "right data"


def run_conditional(place: Place, settings: str) -> tuple[Mapping[str, Any], list[list[str]]]:
    """The outputs of the conditional line's stages, and what was shown, the first two words."""
    terminal = io.StringIO()
    with place.locked():
        outputs = run_locally(conditional_line(), {"settings": settings}, place, terminal)
    return outputs.stages, [line.split()[:2] for line in terminal.getvalue().splitlines()]


def test_stages_under_a_condition_are_cached_and_found(place: Place) -> None:
    assert run_conditional(place, "skip") == ({}, [])
    outputs, _ = run_conditional(place, "hello")
    assert outputs["second"] == {"Output": "hello"}
    again, shown = run_conditional(place, "hello")
    assert shown == [["first", "cached"], ["second", "cached"]]
    assert again["first"]["made"].uri == outputs["first"]["made"].uri
    (Path(outputs["first"]["made"].uri) / "text.txt").unlink()
    _, shown = run_conditional(place, "hello")
    assert ["first", "done"] in shown
    assert shown[-1] == ["second", "cached"]


def test_stage_that_failed_under_a_condition_is_told(place: Place) -> None:
    with pytest.raises(StageError, match=r"^first: labels.txt: no labels; write some; log: "):
        run_conditional(place, "wrong data")
    with pytest.raises(StageError, match=r"^first: .*'ValueError: shapes differ'.*log"):
        run_conditional(place, "bug")


def test_environment_is_left_as_it_was(place: Place) -> None:
    before = dict(os.environ)
    run(place, "hello")
    assert dict(os.environ) == before


def test_two_runs_in_one_folder_are_refused(place: Place) -> None:
    message = rf"another run is using it \(process {os.getpid()}\)"
    with place.locked(), pytest.raises(StorageError, match=message):
        run(place, "hello")
    assert run(place, "hello")[0] == "hello"


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="Not a directory; give another folder with --root"):
        run(Place(tmp_path / "file" / "runs"), "hello")


def test_path_that_kfp_would_rewrite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="python3"):
        run(Place(tmp_path / "python3.11" / "runs"), "hello")


DRIVER = """
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from bertline.interrupts import interruptible
from bertline.stages.execute import explain
from pipelines import processes
from pipelines.local import Place, run_locally
from tests.pipelines import toy_line

processes.INTERRUPT_SECONDS = float(sys.argv[4])
place = Place(Path(sys.argv[1]))
line = getattr(toy_line, sys.argv[3])()
try:
    with interruptible(), place.locked():
        run_locally(line, {"settings": sys.argv[2]}, place, sys.stderr)
except KeyboardInterrupt as error:
    code, message = explain(error)
    print(message)
    sys.exit(code)
"""


def started(
    place: Place, folder: Path, settings: str, line: str = "toy_line", patience_s: float = 60
) -> tuple[subprocess.Popen[str], int]:
    """The process of a run, and the process of its first stage, which hangs by now.

    Temporary files of both are in folder/tmp.
    """
    sign = folder / "pid"
    (folder / "tmp").mkdir()
    driver = subprocess.Popen(
        [
            sys.executable,
            "-c",
            DRIVER,
            str(place.root),
            f"{settings} {sign}",
            line,
            f"{patience_s}",
        ],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(folder / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    wait_for(lambda: sign.exists() and sign.read_text() != "")
    return driver, int(sign.read_text())


ENDED = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM"}


@pytest.mark.parametrize("line", ["toy_line", "looped_line"])
@pytest.mark.parametrize("number", ENDED)
def test_a_signal_ends_a_run_and_its_stages(
    place: Place, tmp_path: Path, number: signal.Signals, line: str
) -> None:
    driver, stage = started(place, tmp_path, "hang", line)
    driver.send_signal(number)
    output, _ = driver.communicate()
    assert driver.returncode == 128 + number
    assert output == f"{ENDED[number]}; run the same command again to continue\n"
    assert not is_alive(stage)
    assert not (tmp_path / "pid").exists()  # the stage has cleaned up
    assert not list((tmp_path / "tmp").iterdir())


def test_a_closed_terminal_ends_a_run(place: Place, tmp_path: Path) -> None:
    driver, stage = started(place, tmp_path, "hang")
    os.killpg(driver.pid, signal.SIGHUP)
    driver.communicate()
    assert driver.returncode == 128 + signal.SIGHUP
    assert not is_alive(stage)


def test_a_stage_that_does_not_end_is_killed(place: Place, tmp_path: Path) -> None:
    driver, stage = started(place, tmp_path, "hang on", patience_s=0.2)
    driver.terminate()
    driver.communicate()
    assert driver.returncode == 128 + signal.SIGTERM
    assert not is_alive(stage)
    assert not list((tmp_path / "tmp").iterdir())


def test_a_stage_ends_with_a_run_that_is_killed(place: Place, tmp_path: Path) -> None:
    driver, stage = started(place, tmp_path, "hang")
    driver.kill()
    driver.communicate()
    wait_for(lambda: not is_alive(stage))
    with place.locked():
        pass


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (signal.SIGKILL, "was killed, as the system does where memory runs out; give it more mem"),
        (signal.SIGABRT, "aborted, as libraries do where memory runs out; give it more memory"),
    ],
)
def test_a_stage_that_is_killed_tells_of_memory(
    place: Place, number: signal.Signals, told: str
) -> None:
    with pytest.raises(
        StageError, match=rf"^first: {told}.* \(last output: '.+'\); log: "
    ) as raised:
        run(place, f"die {number:d}")
    assert raised.value.exit_code == 1


def test_a_stage_that_was_stopped_does_not_outlive_its_run(place: Place, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(place.root), f"hang {pid_file}", "toy_line", "5"],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for(lambda: pid_file.exists() and pid_file.read_text() != "")
    stage = int(pid_file.read_text())
    os.kill(stage, signal.SIGSTOP)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    with place.locked():  # the next run
        # Linux itself continues, and hangs up, what is stopped in a group that lost its parent.
        with contextlib.suppress(ProcessLookupError):
            os.kill(stage, signal.SIGCONT)
        wait_for(lambda: not is_alive(stage))


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended but was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
