"""A process of a benchmark's own, which answers each line that it reads with a line of JSON."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class Child:
    """The parent's end.

    name: what failures call it. module: what `python -m` runs, with `arguments`. log: the file for
    what it prints to standard error. python: the interpreter.
    """

    def __init__(
        self, name: str, module: str, arguments: Sequence[str], log: Path, python: str
    ) -> None:
        self._name, self._log = name, log
        with log.open("w") as stream:
            self._process = subprocess.Popen(
                [python, "-m", module, *arguments],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
            )

    def ask(self, command: object) -> Any:
        """The answer to a command; SystemExit with the last line of the log if the process ends."""
        pipe_in, pipe_out = self._process.stdin, self._process.stdout
        assert pipe_in and pipe_out
        try:
            print(command, file=pipe_in, flush=True)
            return json.loads(pipe_out.readline())
        except (BrokenPipeError, ValueError):
            said = self._log.read_text().strip().splitlines() or ["it ended"]
            self.close()
            raise SystemExit(f"{self._name}: {said[-1]}") from None

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()
