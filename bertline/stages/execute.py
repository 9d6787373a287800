"""Runs one stage from plain values, as every runner does it: laptop, container, pod.

python -m bertline.stages.execute ingest '{"source": "samples/snips"}' examples=out/examples
"""

import atexit
import contextlib
import errno
import fcntl
import gc
import importlib
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bertline import interrupts
from bertline.artifacts import read_json, write_json
from bertline.config import nearest
from bertline.errors import BertlineError, ConfigError, StageError, StorageError, one_line
from bertline.files import FULL
from bertline.integrity import verify_if_artifact
from bertline.interrupts import interruptible
from bertline.keras_import import import_keras
from bertline.tables.stages import STAGES
from bertline.usage import Usage

PLACES = ("work", "registry")
"""Paths that hold no artifact themselves."""
FAILURE_FILE_VARIABLE = "BERTLINE_FAILURE_FILE"
RUN_LOCK_VARIABLE = "BERTLINE_RUN_LOCK"
EXTRAS = {"openvino": "openvino", "ai_edge_litert": "litert", "openvino_tokenizers": "text"}
"""Package → the extra of bertline that has it; "pipeline" has all others."""
MORE_MEMORY = "give it more memory, or lower batch_size or max_seq_length"
TENSORFLOW_ERRORS = (
    "AlreadyExistsError",
    "DataLossError",
    "FailedPreconditionError",
    "NotFoundError",
    "PermissionDeniedError",
    "ResourceExhaustedError",
    "UnavailableError",
    "UnknownError",
)
"""TensorFlow's errors of files, memory and devices; all others are bugs."""
ADDRESSES = ("registry",)
"""Arguments that may be addresses; all others are paths."""


def execute(stage: str, settings: str, **paths: str | Sequence[str]) -> None:
    """Runs `stage` with its settings as JSON; `paths` are the stage's inputs and outputs.

    An input of several artifacts is a list of paths. A BertlineError becomes one line on standard
    error and the process exits with its code. Where $BERTLINE_FAILURE_FILE is set, the same goes
    there as JSON, since kfp's local runner keeps neither an exit code nor a message. That runner
    goes on with the rest of a loop, and with what does not depend on a failed stage: the file keeps
    the first failure, and once it tells of an interruption or of a wrong input nothing more is run.
    Where $BERTLINE_RUN_LOCK is set, the process ends with the run that holds this file locked: it
    is a file of that run alone, so that no later run is taken for it.
    """
    end_quickly()
    failure_file = os.environ.get(FAILURE_FILE_VARIABLE)
    if failure_file and Path(failure_file).exists():
        code = read_json(Path(failure_file))["exit_code"]
        if code != StageError.exit_code:  # which a retry may mend
            sys.exit(code)
    run_lock = os.environ.get(RUN_LOCK_VARIABLE)
    if run_lock:
        end_with_run(run_lock)
    try:
        with interruptible():
            run(stage, settings, {name: _place(name, given) for name, given in paths.items()})
    except BaseException as error:
        code, message = explain(error)
        print(f"error: {stage}: {message}", file=sys.stderr)
        is_interrupted = isinstance(error, KeyboardInterrupt)
        if failure_file and (is_interrupted or not Path(failure_file).exists()):
            failure = {"stage": stage, "message": message, "exit_code": code}
            # On a full disk the line above must do.
            with contextlib.suppress(OSError):
                write_json(Path(failure_file), failure)
        sys.exit(code)


def end_quickly() -> None:
    """Spares this process the search for garbage when it ends, a second where TensorFlow is."""
    atexit.register(gc.freeze)


def end_with_run(lock_file: str) -> None:
    """Ends this process when the one that holds `lock_file` locked does, however it ends.

    A stage that outlived its killed run would go on writing where the next run writes.
    """

    def wait() -> None:
        # The file is gone where a run ended before this process had begun.
        with contextlib.suppress(FileNotFoundError), Path(lock_file).open() as stream:
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
    """Runs `stage` in this process, once all artifacts that it reads are found undamaged.

    Its output artifact then also has usage.json: see bertline.usage. Raises DataError for an
    artifact that is damaged, and what the stage raises.
    """
    if stage not in STAGES:
        raise ConfigError(f"unknown stage {stage!r}; {nearest(stage, list(STAGES))}")
    row = STAGES[stage]
    if not row.trains:
        os.environ["KERAS_BACKEND"] = "tensorflow"  # Exported graphs are TensorFlow's.
    module = importlib.import_module(f"bertline.stages.{stage}")
    parsed = module.Settings.parse_json(settings, where=stage)
    output = paths.get(row.output)
    inputs = [path for name, path in paths.items() if name not in (row.output, *PLACES)]
    artifacts = list(_folders(inputs))
    for artifact in artifacts:
        verify_if_artifact(artifact)
    if row.uses_keras:
        import_keras()
    module.run(parsed, **paths)
    if isinstance(output, Path) and output.is_dir():
        Usage.behind(artifacts).followed_by(stage).write(output)


def _folders(given: Iterable[Path | str | list[Path]]) -> Iterator[Path]:
    """The paths among the inputs of a stage, one by one."""
    for each in given:
        yield from each if isinstance(each, list) else [Path(each)]


def explain(error: BaseException) -> tuple[int, str]:
    """The exit code and the one line with which a user sees `error`; raises what is a bug."""
    if isinstance(error, BertlineError):
        return error.exit_code, str(error)
    if isinstance(error, ModuleNotFoundError):
        return ConfigError.exit_code, _missing_package(error)
    if isinstance(error, KeyboardInterrupt):
        code, ending = interrupts.told(error)
        return code, f"{ending}; run the same command again to continue"
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return 1, f"out of memory ({one_line(error) or 'no more is given'}); {MORE_MEMORY}"
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):
        _, target, reason = error.args[0][0]  # the first of the files that could not be copied
        return 1, f"{target}: {one_line(reason)}; fix this and run the same command again"
    if isinstance(error, OSError):
        # Of two names the second is what could not be written.
        name = error.filename2 if error.errno in FULL and error.filename2 else error.filename
        place = f"{name}: " if name else ""
        remedy = "free space there" if error.errno in FULL else "fix this"
        reason = one_line(error.strerror or error)
        return 1, f"{place}{reason}; {remedy} and run the same command again"
    return _explain_runtime(error)


def _explain_runtime(error: BaseException) -> tuple[int, str]:
    """As `explain`, of what TensorFlow or JAX raise; neither need be installed."""
    # TensorFlow's begin with the node of a graph: "{{node name}} reason".
    reason = one_line(str(error).partition("\n")[0].rpartition("}} ")[2])
    is_exhausted = (
        "RESOURCE_EXHAUSTED" in reason or type(error).__name__ == "ResourceExhaustedError"
    )
    is_ours = type(error).__name__ in TENSORFLOW_ERRORS and hasattr(error, "error_code")
    if is_exhausted and "No space left" not in reason:
        return 1, f"out of memory ({reason}); {MORE_MEMORY}"
    if is_ours:
        return 1, f"{reason}; check the place, its permissions and its free space"
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
