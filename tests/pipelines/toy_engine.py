"""A container engine whose containers are processes of this machine."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.conftest import ROOT


class Engine:
    """What pipelines.containers and kfp use of docker's client.

    created: options of `create`. security: what `info` tells.
    """

    def __init__(self, security: Sequence[str] = ()) -> None:
        self.containers = self
        self.security = [*security]
        self.created: Sequence[dict[str, Any]] = ()

    def list(self, **filters: object) -> Sequence[Any]:
        """No containers are left over."""
        return ()

    def info(self) -> dict[str, Any]:
        """How the engine is set up."""
        return {"SecurityOptions": self.security}

    def close(self) -> None:
        """Does nothing."""

    def create(self, image: str, command: Sequence[str], **options: Any) -> "Container":
        """A container that `start` starts."""
        self.created = [*self.created, {"image": image, **options}]
        return Container(command, options["environment"])


class Container:
    """A process with the environment of a container, and the programs and code of the tests."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        own = {"PATH": path, "PYTHONPATH": str(ROOT), "TMPDIR": os.environ.get("TMPDIR", "/tmp")}
        self.command, self.environment = command, {**own, **environment}

    def start(self) -> None:
        """Starts the process."""
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )

    def attach(self, stream: bool) -> Iterator[bytes]:
        """The output of the process, once it is started."""
        assert self.process.stdout is not None
        with self.process.stdout as output:
            yield from output

    def exec_run(self, command: Sequence[str]) -> None:
        """Runs `kill -NUMBER -1` in the container."""
        (number,) = re.findall(r"kill -(\d+) -1", command[-1])
        # The first process of a container, a shell, hears nothing of it.
        first = self.process.pid
        for child in Path(f"/proc/{first}/task/{first}/children").read_text().split():
            os.kill(int(child), int(number))

    def wait(self, timeout: float | None = None) -> dict[str, int]:
        """The exit status as docker tells it."""
        status = self.process.wait(timeout)
        return {"StatusCode": status if status >= 0 else 128 - status}

    def kill(self) -> None:
        """Ends all processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def remove(self, force: bool) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()
