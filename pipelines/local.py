"""Runs a pipeline on this machine through kfp.local, quietly, one run at a time in a folder."""

import contextlib
import datetime
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TextIO
from unittest import mock

from kfp import local
from kfp.local import subprocess_task_handler

from bertline.artifacts import read_json
from bertline.errors import ConfigError, StageError, StorageError
from bertline.leftovers import sweep, temporary_folder
from bertline.locks import exclusive, take
from bertline.stages.execute import FAILURE_FILE_VARIABLE, RUN_LOCK_VARIABLE
from pipelines.cache import RunCache
from pipelines.console import Display, Log
from pipelines.graph import loops_of
from pipelines.notes import notes_of
from pipelines.processes import run_process
from pipelines.recipe import PROJECT

LOCK_SECONDS = 1.0

Runner = Callable[["Place", Path, Mapping[str, str]], contextlib.AbstractContextManager[Any]]
"""Gives kfp's runner for the tasks of one run: its place, its folder of temporary files, and the
variables that tasks are told by."""


@dataclass(frozen=True)
class Place:
    """The folder of local runs, absolute: artifacts, cache, checkpoints, registry, logs."""

    root: Path

    @property
    def artifacts(self) -> Path:
        """Where stages write."""
        return self.root / "artifacts"

    @property
    def cache(self) -> Path:
        """Where it is kept which outputs belong to which key."""
        return self.root / "cache"

    @property
    def work(self) -> Path:
        """Where training keeps its checkpoints."""
        return self.root / "work"

    @property
    def registry(self) -> Path:
        """Where blessed models are published."""
        return self.root / "registry"

    @property
    def lock(self) -> Path:
        """The file that the process of a run holds locked."""
        return self.root / "lock"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other runs out; raises StorageError if one is in, or if nothing can be written."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            stream = self.lock.open("a+", encoding="utf-8")
        except OSError as error:
            raise StorageError(
                f"{self.root}: {error.strerror}; give another folder with --root"
            ) from None
        with stream:
            if not take(stream.fileno(), LOCK_SECONDS):
                stream.seek(0)
                raise StorageError(
                    f"{self.root}: another run is using it ({stream.read().strip()}); wait for "
                    "its end or give another folder with --root"
                )
            stream.truncate(0)
            stream.write(f"process {os.getpid()}\n")
            stream.flush()
            self._sweep()
            yield

    def _sweep(self) -> None:
        """Removes what runs that were killed have left here."""
        for folder in (self.root, self.cache, *self.artifacts.glob("*/*")):
            sweep(folder)

    def new_log(self, name: str) -> Path:
        """A file name for the log of a run that begins now."""
        folder = self.root / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name}-{datetime.datetime.now():%Y%m%d-%H%M%S-%f}.log"


@contextlib.contextmanager
def in_subprocesses(
    place: Place, temporary: Path, variables: Mapping[str, str]
) -> Iterator[local.SubprocessRunner]:
    """The Runner whose tasks are processes with this Python and this code."""
    python_path = [str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {"TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(python_path)}
    failure_file = Path(variables[FAILURE_FILE_VARIABLE])

    def run(full_command: list[str], env_vars: Mapping[str, str] | None = None) -> int:
        return run_process(failure_file, full_command, env_vars)

    # kfp 2.17 leaves a stage alone when the run is ended, and does not report what killed it.
    with (
        _environment({**variables, **own}),
        mock.patch.object(subprocess_task_handler, "run_local_subprocess", run),
    ):
        yield local.SubprocessRunner(use_venv=False)


class Outputs(NamedTuple):
    """What a run left: the outputs of the pipeline, and those of each stage, by name."""

    pipeline: Mapping[str, Any]
    stages: Mapping[str, Mapping[str, Any]]


def run_locally(
    pipeline: Any,
    arguments: Mapping[str, str],
    place: Place,
    terminal: TextIO,
    runner: Runner = in_subprocesses,
) -> Outputs:
    """The outputs of a kfp GraphComponent, run here; the caller holds `place.locked()`.

    Tasks with a cache key are taken from the cache where they have been run before, unless a file
    of theirs is damaged. The terminal shows one line per stage (see Display), everything else goes
    to a new file of place.root/logs. Raises StageError for a failed stage, with its exit code.
    """
    parameters = pipeline.pipeline_spec.root.input_definitions.parameters.values()
    for loop in loops_of(pipeline):
        # More at a time would exchange the log's handlers and `print` with each other.
        loop.iterator_policy.parallelism_limit = 1
    defaults = [parameter.default_value.string_value for parameter in parameters]
    for value in (str(place.root), *arguments.values(), *defaults):
        if "python3" in value:  # kfp's subprocess runner replaces the word by sys.executable
            raise ConfigError(f"{value}: kfp.local cannot handle 'python3' in a path; rename it")
    display = Display(terminal, lambda stage: notes_of(stage, cache.outputs.get(stage, {})))
    cache = RunCache(place.root, place.cache, partial(display.tell, "cache"))
    log_file = place.new_log(pipeline.name)
    with temporary_folder() as temporary, exclusive(temporary / "run", 0.0):
        failure_file = temporary / "failure.json"
        variables = {
            FAILURE_FILE_VARIABLE: str(failure_file),
            RUN_LOCK_VARIABLE: str(temporary / "run"),
        }
        try:
            with (
                runner(place, temporary, variables) as kfp_runner,
                _output_to(log_file, display),
                cache.in_use(),
            ):
                local.init(
                    kfp_runner,
                    pipeline_root=str(place.artifacts),
                    workspace_root=str(temporary / "workspace"),
                    enable_caching=True,
                    cache_root=str(place.cache),
                )
                return Outputs(pipeline(**arguments).outputs, cache.outputs)
        except RuntimeError as error:
            if display.failed is None:
                raise
            raise _failure(display, failure_file, log_file) from error
        finally:
            display.clear()


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets environment variables for the stages, and takes them back."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _output_to(log_file: Path, display: Display) -> Iterator[None]:
    """Sends all that kfp and the stages print or log to the file and to the display."""
    root = logging.getLogger()
    before = root.level
    with log_file.open("w", encoding="utf-8") as file:
        log = Log(file, display.read)
        handler = logging.StreamHandler(log)
        handler.setFormatter(logging.Formatter("%(asctime)s - %(levelname)s - %(message)s", "%T"))
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        try:
            with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                yield
        finally:
            root.removeHandler(handler)
            root.setLevel(before)


def _failure(display: Display, failure_file: Path, log_file: Path) -> StageError:
    """The error of a failed stage: what it said itself, or else how its output ended."""
    exit_code = StageError.exit_code
    assert display.failed is not None
    stage, last_words = display.failed
    message = f"ended without saying why (last output: {last_words!r})"
    if failure_file.exists():
        failure = read_json(failure_file)
        if failure["stage"] == stage:
            message, exit_code = failure["message"], failure["exit_code"]
    error = StageError(f"{stage}: {message}; log: {log_file}")
    error.exit_code = exit_code
    return error
