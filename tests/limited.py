"""Calls a function as on a processor with fewer instructions: oneDNN limited, in a process anew.

    python -m tests.limited MODULE FUNCTION ARGUMENTS

LiteRT obeys no limit, and neither do some float kernels of OpenVINO.
"""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from tests.conftest import ROOT

LIMITS = (None, "AVX2")
"""What this processor has, and what every x86 processor of the last ten years has."""


def call(limit: str | None, function: Callable[..., Any], *arguments: Any) -> Any:
    """What `function`, of a module, returns; it and its arguments are passed as JSON."""
    environment = dict(os.environ)
    if limit is not None:
        environment["ONEDNN_MAX_CPU_ISA"] = limit
    names = [function.__module__, function.__name__]
    done = subprocess.run(
        [sys.executable, "-m", "tests.limited", *names, json.dumps(arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    module, name, arguments = sys.argv[1:]
    print(json.dumps(getattr(importlib.import_module(module), name)(*json.loads(arguments))))
