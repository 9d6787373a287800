import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bertline.locks import exclusive, take
from tests.conftest import ROOT

HOLDER = """
import sys, time
from pathlib import Path
from bertline.locks import exclusive
with exclusive(Path(sys.argv[1]), 0.0) as is_held:
    print(is_held, flush=True)
    time.sleep(300)
"""


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == "True\n"
    with exclusive(file, 0.0) as is_held:
        assert not is_held
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with exclusive(file, 0.0) as is_held:
        assert is_held
    assert file.exists()


def test_what_another_gives_back_in_time_is_taken(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    first, second = (os.open(tmp_path / "file", os.O_RDONLY) for _ in range(2))
    assert take(first)
    assert not take(second, 0.1)
    os.close(first)
    assert take(second, 60)
    os.close(second)


def test_where_there_are_no_locks_the_block_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with exclusive(tmp_path / "lock", 0.0) as is_held:
        assert is_held
