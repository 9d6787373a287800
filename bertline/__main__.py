"""The command `bertline`, also as `python -m bertline`.

What it consists of are the packages `pipelines` and `components`. They lie beside this package in
the repository and inside it once installed (see setup.py), and are found in this process and in
the stages that it starts, by nobody else.
"""

import importlib
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent
INSTALLED = PACKAGE / "_command"


def main() -> int:
    """Runs the command with the process's arguments and returns its exit code."""
    sys.path.insert(0, str(INSTALLED if INSTALLED.is_dir() else PACKAGE.parent))
    code: int = importlib.import_module("pipelines.cli").main()
    return code


if __name__ == "__main__":
    sys.exit(main())
