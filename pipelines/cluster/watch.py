"""A run as it goes: its stages on a board, why pods wait, and why it failed."""

import time
from typing import Any

from bertline.errors import ClusterError, StageError
from pipelines.cluster.connection import Connection, Unreachable
from pipelines.cluster.pods import Pods
from pipelines.cluster.runs import FINAL, get
from pipelines.cluster.stages import Stage, stages_of
from pipelines.console import Board

POLL_SECONDS = 5.0
LOST_SECONDS = 300.0
"""How long a host may be out of reach before a run is followed no more; port-forwards break."""
ENDED = ("done", "cached", "skipped", "failed")


class Watch:
    """Shows on a board what changes in a run."""

    def __init__(self, connection: Connection, pods: Pods, board: Board) -> None:
        self._connection, self._pods, self._board = connection, pods, board
        self._shown: dict[str, str] = {}
        self._waits: dict[str, str] = {}

    def until_end(self, run_id: str) -> Any:
        """The run, when it has ended.

        Raises ClusterError if the host is out of reach for long, or on Ctrl-C: the run goes on.
        """
        goes_on = f"run {run_id} goes on; `bertline runs {run_id}` follows it, `cancel` ends it"
        answered = time.monotonic()
        try:
            while True:
                try:
                    run = self.look(run_id)
                    answered = time.monotonic()
                    if run.state in FINAL:
                        return run
                except Unreachable as error:
                    if time.monotonic() - answered >= LOST_SECONDS:
                        raise ClusterError(f"{error}; {goes_on}") from None
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            interrupted = ClusterError(f"interrupted; {goes_on}")
            interrupted.exit_code = 130
            raise interrupted from None
        finally:
            self._board.clear()

    def look(self, run_id: str) -> Any:
        """The run as it is now; what is new of it is shown."""
        run = get(self._connection, run_id)
        for stage in stages_of(run):
            text = self._text(stage)
            if self._shown.get(stage.name) != text:
                self._shown[stage.name] = text
                show = self._board.lasting if stage.state in ENDED else self._board.passing
                show(stage.name, text)
        return run

    def failure(self, run: Any) -> StageError:
        """The error that tells why a run that has ended is no success."""
        name = f"run {run.run_id}"
        if run.state == "CANCELED":
            return StageError(f"{name}: was cancelled")
        for stage in stages_of(run):
            if stage.state == "failed":
                return StageError(f"{name}: {stage.name}: {self._reason(stage)}")
        for stage in stages_of(run):
            if stage.state == "starting":
                return StageError(f"{name}: {stage.name}: {self._never_started(stage)}")
        message = run.error and run.error.message
        return StageError(f"{name}: {message or 'failed outside of its stages; see its page'}")

    def _text(self, stage: Stage) -> str:
        """What the board shows of a stage."""
        if stage.state == "done" and stage.seconds is not None:
            return f"done in {stage.seconds:.0f} s"
        if stage.state == "running":
            progress = self._pods.progress(stage.pods[-1]) or "running"
            return progress.removeprefix(f"{stage.name} ")
        if stage.state == "starting":
            reason = self._waits_for(stage)
            return f"waits: {reason}" if reason else "starting"
        return stage.state

    def _waits_for(self, stage: Stage) -> str | None:
        """Why a stage's pod does not run yet; remembered, since pods are gone after a deadline."""
        reason = stage.message or (self._pods.waits_for(stage.pods[-1]) if stage.pods else None)
        if reason:
            self._waits[stage.name] = reason
        return reason

    def _reason(self, stage: Stage) -> str:
        told = stage.message or next(
            filter(None, map(self._pods.failure, reversed(stage.pods))), ""
        )
        return told or self._never_started(stage)

    def _never_started(self, stage: Stage) -> str:
        reason = self._waits_for(stage) or self._waits.get(stage.name)
        if reason:
            return f"did not start before the deadline of its run or pod; it waited for: {reason}"
        return "failed without a message; see the log of its pod"
