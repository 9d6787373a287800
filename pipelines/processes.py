"""Stages as processes, which end with the run, and how their ends are reported."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bertline.artifacts import write_json
from bertline.errors import StageError
from bertline.interrupts import passed_on
from bertline.stages.execute import MORE_MEMORY

INTERRUPT_SECONDS = 10.0
"""How long an interrupted stage has to clean up."""
STAGE_OPTION = "--function_to_execute"
DEATHS = {
    signal.SIGKILL: f"was killed, as the system does where memory runs out; {MORE_MEMORY}",
    signal.SIGABRT: f"aborted, as libraries do where memory runs out; {MORE_MEMORY}",
    signal.SIGSEGV: f"crashed, as libraries do where memory runs out; {MORE_MEMORY}",
    signal.SIGBUS: "crashed reading or writing a file; is the disk, or /dev/shm, full?",
}
"""How a process ended without a message → how this is reported."""


def stage_of_command(command: Sequence[str]) -> str:
    """The stage that a command of kfp's runs."""
    place = list(command).index(STAGE_OPTION)
    return command[place + 1]


def run_process(
    failure_file: Path, command: Sequence[str], variables: Mapping[str, str] | None = None
) -> int:
    """The exit status of `command`, whose output is printed by lines.

    A signal that ends this process is passed on to all of the command's processes, which have
    INTERRUPT_SECONDS to end. What kills the command is written to `failure_file`.
    """
    ended = threading.Event()
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, **(variables or {})},
        process_group=0,
    ) as process:

        def end(number: int) -> None:
            _signal(process.pid, number)
            threading.Thread(target=insist, daemon=True).start()

        def insist() -> None:
            if not ended.wait(INTERRUPT_SECONDS):
                _signal(process.pid, signal.SIGKILL)

        assert process.stdout is not None
        with passed_on(end):
            try:
                last_words = printed(process.stdout)
            except KeyboardInterrupt:
                printed(process.stdout)  # until none of its processes is left
                raise
            finally:
                ended.set()
            status = process.wait()
    note_death(failure_file, stage_of_command(command), status, last_words)
    return status


def printed(lines: Iterable[str]) -> str:
    """Prints the lines, of which it returns the last that is not blank."""
    last_words = ""
    for line in lines:
        print(line.removesuffix("\n"))
        last_words = line.strip() or last_words
    return last_words


def note_death(failure_file: Path, stage: str, status: int, last_words: str) -> None:
    """Writes to the run's failure file that a stage was killed, unless a failure is there.

    status: as a shell or subprocess has it.
    """
    number = -status if status < 0 else status - 128
    reason = DEATHS.get(signal.Signals(number)) if number in signal.valid_signals() else None
    if reason is None or failure_file.exists():
        return
    message = f"{reason} (last output: {last_words!r})"
    failure = {"stage": stage, "message": message, "exit_code": StageError.exit_code}
    with contextlib.suppress(OSError):  # on a full disk
        write_json(failure_file, failure)


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
