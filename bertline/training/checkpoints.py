"""Training state on disk, so that a killed run continues to the same weights."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from bertline.artifacts import new_artifact
from bertline.errors import StageError, UserError
from bertline.integrity import verify
from bertline.locks import exclusive
from bertline.modeling.weights import load_weights, save_weights
from bertline.progress import note
from bertline.training.devices import is_first_process

LOCK = "lock"
LOCK_SECONDS = 20.0
_PREFIX = "step-"

History = list[dict[str, Any]]


class Checkpoints:
    """The checkpoints of one run, the last `keep` of them, in a folder of its own.

    Of several processes the first writes them, and all read them.

    A checkpoint is every variable of the compiled model (the dropout generators among them) and of
    its optimizer, and the history so far.
    """

    def __init__(self, folder: Path, model: keras.Model, keep: int = 2) -> None:
        self.folder, self._model, self._keep = folder, model, keep

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other trainings out of the folder while the block runs.

        One may have outlived its run: it ends as soon as it runs on. Raises StageError for one
        that does not end within LOCK_SECONDS.
        """
        if not is_first_process():
            yield
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / LOCK
        with exclusive(file, LOCK_SECONDS) as is_held:
            if not is_held:
                raise StageError(
                    f"{self.folder}: another process trains there ({file.read_text().strip()}); "
                    "end it and run the same command again"
                )
            file.write_text(f"process {os.getpid()}\n")
            yield

    def save(self, step: int, history: History) -> None:
        """Writes the state after `step` steps, then removes all but the newest."""
        if not is_first_process():
            return
        path = self.folder / f"{_PREFIX}{step:08d}"
        with new_artifact(path, "checkpoint", {"step": step, "history": history}) as folder:
            tensors = {name: np.asarray(v) for name, v in self._variables().items()}
            save_weights(tensors, folder / "state.safetensors")
        for old in self._paths()[: -self._keep]:
            shutil.rmtree(old)

    def restore(self) -> tuple[int, History]:
        """Sets model and optimizer to the newest undamaged checkpoint; its step and history.

        Gives (0, []) where there is none. Each file is read and compared with the manifest; of a
        damaged checkpoint a line tells. Removes what a killed run left of its last one.
        """
        for half in self.folder.glob(f".{_PREFIX}*"):
            # Another process of the job may be at it too.
            shutil.rmtree(half, ignore_errors=True)
        for path in reversed(self._paths()):
            try:
                about = verify(path, "checkpoint").about
                tensors = load_weights(path / "state.safetensors")
            except UserError as error:
                problem = str(error).partition(";")[0]
                note([f"{problem}; training continues from the checkpoint before it, if any"])
                continue
            for name, variable in self._variables().items():
                variable.assign(tensors[name])
            return about["step"], about["history"]
        return 0, []

    def newest(self, before: int) -> Path | None:
        """The newest checkpoint of fewer than `before` steps, None where there is none."""
        earlier = [path for path in self._paths() if int(path.name.removeprefix(_PREFIX)) < before]
        return earlier[-1] if earlier else None

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob(f"{_PREFIX}*"))

    def _variables(self) -> dict[str, Any]:
        # By number: the paths of dropout generators depend on what else the process has built.
        variables = [*self._model.variables, *self._model.optimizer.variables]
        return {f"{i:05d}": variable for i, variable in enumerate(variables)}
