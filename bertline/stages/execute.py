"""Runs one stage from plain values, as every runner does it: laptop, container, pod.

python -m bertline.stages.execute ingest '{"source": "samples/snips"}' examples=out/examples
"""

import contextlib
import fcntl
import importlib
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from bertline.artifacts import read_json, write_json
from bertline.config import nearest
from bertline.errors import BertlineError, ConfigError, StageError, StorageError

STAGES = (
    "import_checkpoint",
    "ingest",
    "compare_data",
    "tokenize",
    "merge_features",
    "finetune",
    "quantize",
    "export",
    "convert",
    "evaluate",
    "compare_models",
    "publish",
)
TRAINING = ("finetune", "quantize")
"""The stages that train, on an accelerator where there is one and by the Keras backend chosen."""
FAILURE_FILE_VARIABLE = "BERTLINE_FAILURE_FILE"
RUN_LOCK_VARIABLE = "BERTLINE_RUN_LOCK"
EXTRAS = {"openvino": "openvino", "ai_edge_litert": "litert", "openvino_tokenizers": "text"}
"""Package → the extra of bertline that has it; "pipeline" has all others."""
ADDRESSES = ("registry",)
"""Arguments that may be addresses; all others are paths."""


def execute(stage: str, settings: str, **paths: str | Sequence[str]) -> None:
    """Runs `stage` with its settings as JSON; `paths` are the stage's inputs and outputs.

    An input of several artifacts is a list of paths. A BertlineError becomes one line on standard
    error and the process exits with its code. Where $BERTLINE_FAILURE_FILE is set, the same goes
    there as JSON, since kfp's local runner keeps neither an exit code nor a message. That runner
    goes on with the rest of a loop, and with what does not depend on a failed stage: the file keeps
    the first failure, and once it tells of an interruption or of a wrong input nothing more is run.
    Where $BERTLINE_RUN_LOCK is set, the process ends with the run that holds this file locked.
    """
    failure_file = os.environ.get(FAILURE_FILE_VARIABLE)
    if failure_file and Path(failure_file).exists():
        code = read_json(Path(failure_file))["exit_code"]
        if code != StageError.exit_code:  # which a retry may mend
            sys.exit(code)
    run_lock = os.environ.get(RUN_LOCK_VARIABLE)
    if run_lock:
        end_with_run(run_lock)
    try:
        run(stage, settings, {name: _place(name, given) for name, given in paths.items()})
    except (BertlineError, KeyboardInterrupt, ModuleNotFoundError, OSError) as error:
        code, message = explain(error)
        print(f"error: {stage}: {message}", file=sys.stderr)
        is_interrupted = isinstance(error, KeyboardInterrupt)
        if failure_file and (is_interrupted or not Path(failure_file).exists()):
            failure = {"stage": stage, "message": message, "exit_code": code}
            # On a full disk the line above must do.
            with contextlib.suppress(OSError):
                write_json(Path(failure_file), failure)
        sys.exit(code)


def end_with_run(lock_file: str) -> None:
    """Ends this process when the one that holds `lock_file` locked does, however it ends.

    A stage that outlived its killed run would go on writing where the next run writes.
    """

    def wait() -> None:
        with Path(lock_file).open(encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH)
            os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def _place(name: str, given: str | Sequence[str]) -> Path | str | list[Path]:
    """A path, a list of paths, or an address as it is; StorageError for one that must be a path."""
    if not isinstance(given, str):
        return [_path(name, each) for each in given]
    return given if name in ADDRESSES and "://" in given else _path(name, given)


def _path(name: str, path: str) -> Path:
    if "://" in path:
        raise StorageError(f"{path}: {name} has to be a path; give the one where it is mounted")
    return Path(path)


def run(stage: str, settings: str, paths: Mapping[str, Path | str | list[Path]]) -> None:
    """Runs `stage` in this process; raises what the stage raises."""
    if stage not in STAGES:
        raise ConfigError(f"unknown stage {stage!r}; {nearest(stage, list(STAGES))}")
    if stage not in TRAINING:
        os.environ["KERAS_BACKEND"] = "tensorflow"  # Exported graphs are TensorFlow's.
    module = importlib.import_module(f"bertline.stages.{stage}")
    module.run(module.Settings.parse_json(settings, where=stage), **paths)


def explain(error: BaseException) -> tuple[int, str]:
    """The exit code and the one line that tell a user of `error`; raises it if it is a bug."""
    if isinstance(error, BertlineError):
        return error.exit_code, str(error)
    if isinstance(error, KeyboardInterrupt):
        return 130, "interrupted; run the same command again to continue"
    if isinstance(error, ModuleNotFoundError):
        return ConfigError.exit_code, _missing_package(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return 1, f"{place}{error.strerror or error}; nothing half-written was left"
    raise error


def _missing_package(error: ModuleNotFoundError) -> str:
    """What to install for a module that is not there; raises the error if that helps nothing."""
    package = (error.name or "").partition(".")[0]
    if package in ("", "bertline", "components", "pipelines"):
        raise error
    extra = EXTRAS.get(package, "pipeline")
    return f"the package {package} is not installed; pip install 'bertline[{extra}]'"


if __name__ == "__main__":
    execute(sys.argv[1], sys.argv[2], **dict(pair.split("=", 1) for pair in sys.argv[3:]))
