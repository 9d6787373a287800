"""Real processes that wait for a file which never comes, and what ends them."""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bertline.stages.execute import FAILURE_FILE_VARIABLE, RUN_LOCK_VARIABLE
from tests.conftest import ROOT


@contextlib.contextmanager
def silent_server() -> Iterator[tuple[str, threading.Event]]:
    """The address of a file that never comes, and what is set when it was asked for."""
    asked = threading.Event()

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connections.append(listener.accept()[0])
            asked.set()

    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/data.zip", asked
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in connections:
        connection.close()


@contextlib.contextmanager
def waiting(command: list[str], **variables: str) -> Iterator[subprocess.Popen[str]]:
    """A process of this command and the address of a file, for which it waits by now."""
    with silent_server() as (address, asked):
        process = subprocess.Popen(
            [each.replace("ADDRESS", address) for each in command],
            cwd=ROOT,
            env=os.environ | {"no_proxy": "*"} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert asked.wait(timeout=60)
            yield process
        finally:
            process.kill()
            process.communicate()


INGEST = [sys.executable, "-m", "bertline.stages.execute", "ingest", '{"source": "ADDRESS"}']


def test_a_stage_ends_with_the_run_that_started_it(tmp_path: Path) -> None:
    lock_file = tmp_path / "lock"
    with lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [*INGEST, f"examples={tmp_path / 'examples'}"]
        with waiting(command, **{RUN_LOCK_VARIABLE: str(lock_file)}) as process:
            assert process.poll() is None
            fcntl.flock(lock, fcntl.LOCK_UN)
            assert process.wait(timeout=60) == -signal.SIGKILL


COMMANDS = {
    "stage": [*INGEST, "examples=OUT/examples"],
    "convert": [sys.executable, "-m", "pipelines.cli", "convert", "ADDRESS", "-o", "OUT/made"],
}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_signal_is_told_in_one_line_and_leaves_nothing(
    tmp_path: Path, name: str, number: signal.Signals
) -> None:
    for folder in ("tmp", "cache", "out"):
        (tmp_path / folder).mkdir()
    command = [each.replace("OUT", str(tmp_path / "out")) for each in COMMANDS[name]]
    variables = {
        "TMPDIR": str(tmp_path / "tmp"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        FAILURE_FILE_VARIABLE: str(tmp_path / "failure.json"),
    }
    with waiting(command, **variables) as process:
        assert len(list((tmp_path / "tmp").iterdir())) >= 1
        process.send_signal(number)
        output, error = process.communicate(timeout=60)
    ended = "interrupted" if number == signal.SIGINT else f"ended by {number.name}"
    *others, line = error.splitlines()  # TensorFlow says something when it is imported
    assert line.endswith(f"{ended}; run the same command again to continue")
    assert (output, "Traceback" in error) == ("", False)
    assert not [other for other in others if name == "stage" or "error:" in other]
    assert process.returncode == 128 + number
    assert not [file for place in ("tmp", "out") for file in (tmp_path / place).iterdir()]
    if name == "stage":
        assert json.loads((tmp_path / "failure.json").read_text())["exit_code"] == 128 + number


def test_signals_that_are_ignored_stay_so(tmp_path: Path) -> None:
    nohup = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh"]
    with waiting([*nohup, *INGEST, f"examples={tmp_path / 'examples'}"]) as process:
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
        process.terminate()
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
