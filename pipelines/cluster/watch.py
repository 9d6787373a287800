"""A run as it goes: its stages on a board, why pods wait, and why it failed."""

import time
from typing import Any

from bertline import interrupts
from bertline.errors import ClusterError, StageError
from pipelines.cluster.connection import Connection, Unreachable
from pipelines.cluster.pods import OUT_OF_MEMORY, Pods
from pipelines.cluster.runs import FINAL, get
from pipelines.cluster.stages import Stage, run_message, stages_of
from pipelines.cluster.workflow import EMPTY, read_workflow
from pipelines.console import Board

POLL_SECONDS = 5.0
LOST_SECONDS = 300.0
"""How long a host may fail to answer before a run is followed no more; port-forwards break."""


class Watch:
    """Shows on a board what changes in a run; `workflow` is its workflow as last seen."""

    def __init__(self, connection: Connection, pods: Pods, board: Board) -> None:
        self._connection, self._pods, self._board = connection, pods, board
        self._shown: dict[str, str] = {}
        self._waits: dict[str, str] = {}
        self.workflow = EMPTY

    def until_end(self, run_id: str) -> Any:
        """The run, when it has ended.

        Raises ClusterError if the host fails to answer for long, or on Ctrl-C: the run goes on.
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
                except (Unreachable, ClusterError) as error:
                    if time.monotonic() - answered >= LOST_SECONDS:
                        raise ClusterError(f"{error}; {goes_on}") from None
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt as error:
            code, ending = interrupts.told(error)
            interrupted = ClusterError(f"{ending}; {goes_on}")
            interrupted.exit_code = code
            raise interrupted from None
        finally:
            self._board.clear()

    def look(self, run_id: str) -> Any:
        """The run as it is now; what is new of it is shown."""
        run = get(self._connection, run_id)
        self.workflow = read_workflow(self._connection, run_id)
        self._pods.created_on = self.workflow.created_on
        for stage in stages_of(self.workflow):
            text = self._text(stage)
            if self._shown.get(stage.name) != text:
                self._shown[stage.name] = text
                is_over = stage.state != "running"
                (self._board.lasting if is_over else self._board.passing)(stage.name, text)
        return run

    def failure(self, run: Any) -> StageError:
        """The error that says why the run last looked at is no success."""
        name = f"run {run.run_id}"
        states = {run.state, *(status.state for status in run.state_history or [])}
        if self.workflow.is_terminated or states & {"CANCELED", "CANCELING"}:
            return StageError(f"{name}: was cancelled")
        for state in ("failed", "running"):  # what the deadline of a run ends may stay "running"
            for stage in stages_of(self.workflow):
                if stage.state == state:
                    return StageError(f"{name}: {stage.name}: {self._reason(stage)}")
        message = (run.error and run.error.message) or run_message(self.workflow)
        if message is None and self.workflow is EMPTY:
            message = (
                f"failed; {self._connection.settings.host} does not return its workflow, so that "
                "the reason is on its page only"
            )
        return StageError(f"{name}: {message or 'failed outside of its stages; see its page'}")

    def _text(self, stage: Stage) -> str:
        """What the board shows of a stage."""
        if stage.seconds is not None:
            return f"done in {stage.seconds:.0f} s"
        if stage.state != "running" or not stage.pods:
            return stage.state
        return f"{f'attempt {stage.attempt}: ' if stage.attempt > 1 else ''}{self._doing(stage)}"

    def _doing(self, stage: Stage) -> str:
        """What the newest pod of a running stage does."""
        progress = self._pods.progress(self._newest_pod(stage))
        if progress:
            return progress.removeprefix(f"{stage.name} ")
        if stage.is_running:
            return "running"
        reason = self._waits_for(stage)
        return f"waits: {reason}" if reason else "starting"

    def _newest_pod(self, stage: Stage) -> str:
        return self.workflow.pod(stage.pods[-1])

    def _waits_for(self, stage: Stage) -> str | None:
        """Why a stage's pod does not run yet; remembered, since a deadline removes pods."""
        reason = self._pods.waits_for(self._newest_pod(stage)) if stage.pods else None
        reason = reason or stage.message
        if reason:
            self._waits[stage.name] = reason
        return reason

    def _reason(self, stage: Stage) -> str:
        """Why a stage failed, from the most to the least specific source."""
        said = (self._pods.failure(self.workflow.pod(pod)) for pod in reversed(stage.pods))
        why = next(filter(None, said), None) or stage.message
        if why:
            is_memory = why.startswith("OOMKilled")  # Argo's message, without a remedy
            return OUT_OF_MEMORY if is_memory else why.removeprefix(f"{stage.name}: ")
        reason = self._waits_for(stage) or self._waits.get(stage.name)
        if reason:
            return f"did not start before the deadline of its run or pod; it waited for: {reason}"
        return "failed without a message; see the log of its pod"
