"""A run that is followed, over HTTP: what is shown, and why it failed."""

import os
import signal
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from pipelines.cluster import watch
from pipelines.cluster.pods import OUT_OF_MEMORY
from tests.pipelines.cluster.conftest import RUN
from tests.pipelines.cluster.kubeflow import Kubeflow
from tests.pipelines.cluster.workflow import (
    CONDITION,
    Item,
    condition,
    failed_pod,
    frame,
    loop,
    pod_name,
    stage,
    turn,
    unscheduled_pod,
    waiting_pod,
    writing_pod,
)

Bertline = Callable[..., int]
Captured = pytest.CaptureFixture[str]


def test_stages_are_shown_as_they_go(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    kubeflow.frames = [
        {"state": "PENDING"},
        frame("RUNNING"),
        frame("RUNNING", stage("ingest", "", driver="PENDING")),
        frame("RUNNING", stage("ingest", "RUNNING", "RUNNING")),
        frame("RUNNING", stage("ingest", "RUNNING", "RUNNING")),
        frame(
            "RUNNING",
            stage("ingest", "SUCCEEDED", "SUCCEEDED"),
            stage("import_checkpoint", "SKIPPED"),
            stage("tokenize", "RUNNING", "FAILED", "RUNNING"),
            stage("finetune", "RUNNING", "RUNNING"),
        ),
    ]
    kubeflow.logs = {
        pod_name("ingest"): "I0105 launcher\n>> ingest 1/10 10%\n>> ingest 5/10 50%\nnoise\n",
        pod_name("tokenize", attempt=1): ">> tokenize 3 texts\n",
    }
    kubeflow.frames.append(frame("FAILED", stage("finetune", "FAILED", "FAILED")))
    assert bertline("runs", RUN) == 1
    assert [line.split(maxsplit=1) for line in capsys.readouterr().err.splitlines()] == [
        ["ingest", "starting"],
        ["ingest", "5/10 50%"],
        ["import_checkpoint", "skipped"],
        ["ingest", "done in 42 s"],
        ["tokenize", "attempt 2: 3 texts"],
        ["finetune", "running"],
        ["finetune", "failed"],
        ["error:", f"run {RUN}: finetune: failed without a message; see the log of its pod"],
    ]


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        (
            waiting_pod("ImagePullBackOff", 'Back-off pulling image "x"'),
            'ImagePullBackOff: Back-off pulling image "x"',
        ),
        (
            unscheduled_pod("0/3 nodes are available: 3 Insufficient nvidia.com/gpu."),
            "Unschedulable: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
        ),
    ],
)
def test_why_a_pod_waits_is_shown_and_kept_for_the_deadline(
    pod: object, reason: str, bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    kubeflow.frames = [
        frame("RUNNING", stage("finetune", "RUNNING", "PENDING")),
        frame("FAILED", stage("finetune", "FAILED", "FAILED")),
    ]
    kubeflow.pods = {pod_name("finetune"): pod}

    def after(request: str) -> None:
        if kubeflow.requests.count(request) == 2:
            kubeflow.pods.clear()

    kubeflow.after = after
    assert bertline("runs", RUN) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].split(maxsplit=1) == ["finetune", f"waits: {reason}"]
    assert lines[-1] == (
        f"error: run {RUN}: finetune: did not start before the deadline of its run or pod; it "
        f"waited for: {reason}"
    )


def test_last_warning_tells_what_a_container_waits_for(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    kubeflow.frames = [frame("RUNNING", stage("finetune", "RUNNING", "PENDING"))]
    pod = pod_name("finetune")
    kubeflow.pods = {pod: waiting_pod("ContainerCreating", "")}
    kubeflow.events = {
        pod: [
            {"type": "Warning", "reason": "FailedMount", "message": "claim bertline is in use"},
            {"type": "Normal", "reason": "Scheduled", "message": "on node 1"},
        ]
    }
    assert bertline("runs", RUN, "--no-wait") == 0
    captured = capsys.readouterr()
    assert "waits: FailedMount: claim bertline is in use" in captured.err
    assert captured.out.splitlines()[-1] == "state: RUNNING"


@pytest.mark.parametrize(
    ("pod", "log", "error", "message"),
    [
        (
            failed_pod(),
            ">> finetune 1/9\nerror: finetune: labels.txt: no labels; write some\nF0105 exit\n",
            "",
            "labels.txt: no labels; write some",
        ),
        (
            failed_pod(),
            "Traceback\nValueError: shapes differ\nI0105 x\n",
            "",
            "ended without saying why (last output: 'ValueError: shapes differ')",
        ),
        (
            failed_pod("OOMKilled", 137),
            ">> finetune 1/9\n",
            "",
            OUT_OF_MEMORY,
        ),
        (
            {"status": {"phase": "Failed", "reason": "DeadlineExceeded", "message": "too long"}},
            "",
            "",
            "DeadlineExceeded: too long",
        ),
        (
            failed_pod(),
            '>> finetune 9/9\n{"level": "info"}\n'
            "F1128 20:56:43.123456 17 main.go:77] failed to upload output artifact: no bucket\n",
            "main: Error (exit code 1)",
            "Kubeflow's launcher: failed to upload output artifact: no bucket",
        ),
        (
            failed_pod(),
            "ValueError: shapes differ\n"
            "F1128 20:56:43.123456 17 main.go:77] failed to execute component: exit status 1\n",
            "main: Error (exit code 1)",
            "ended without saying why (last output: 'ValueError: shapes differ')",
        ),
        (None, "", "OOMKilled (exit code 137)", OUT_OF_MEMORY),
        (failed_pod("Error", 2), "", "", "Error"),
        (None, "", "told by\nthe API", "told by the API"),
        (None, "", "", "failed without a message; see the log of its pod"),
    ],
)
def test_failed_run_tells_of_the_failed_stage(
    pod: object,
    log: str,
    error: str,
    message: str,
    bertline: Bertline,
    kubeflow: Kubeflow,
    capsys: Captured,
) -> None:
    attempts = ("FAILED", "FAILED")
    kubeflow.frames = [
        frame(
            "FAILED",
            stage("ingest", "SUCCEEDED", "SUCCEEDED"),
            stage("finetune", "FAILED", *attempts, error=error),
            stage("export", "OMITTED", driver="OMITTED"),
        )
    ]
    if pod:
        kubeflow.pods = {pod_name("finetune", attempt=1): pod}
        kubeflow.logs = {pod_name("finetune", attempt=1): log}
    assert bertline("runs", RUN) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == f"error: run {RUN}: finetune: {message}"
    assert lines[-2].split() == ["finetune", "failed"]


def test_turns_of_a_loop_are_one_stage(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    def turns(state: str, *of_each: tuple[str, ...]) -> list[Item]:
        numbered = enumerate(of_each)
        return loop(state, *(stage("tokenize", *each, group=turn(n)) for n, each in numbered))

    ended = ("SUCCEEDED", "SUCCEEDED")
    kubeflow.frames = [
        frame("RUNNING", turns("RUNNING", ("RUNNING", "FAILED", "RUNNING"), ended)),
        frame("FAILED", turns("FAILED", ("FAILED", "FAILED", "FAILED"), ended)),
    ]
    kubeflow.logs = {
        pod_name("tokenize", group=turn(1)): ">> tokenize 3/3\n",
        pod_name("tokenize", 1, turn(0)): "error: tokenize: vocab.txt: empty; write one\n",
    }
    kubeflow.pods = {
        pod_name("tokenize", 1, turn(0)): failed_pod(),
        pod_name("tokenize", group=turn(1)): writing_pod(),
    }
    assert bertline("runs", RUN) == 1
    assert [line.split(maxsplit=1) for line in capsys.readouterr().err.splitlines()] == [
        ["tokenize", "3/3"],
        ["tokenize", "failed"],
        ["error:", f"run {RUN}: tokenize: vocab.txt: empty; write one"],
    ]
    kubeflow.frames = [frame("RUNNING", turns("SUCCEEDED", ended, ended))]
    assert bertline("runs", RUN, "--no-wait") == 0
    assert capsys.readouterr().err == "  tokenize          done in 42 s\n"


def test_stages_in_a_condition_are_shown_as_all_others(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    before = [stage(name, "SUCCEEDED", "SUCCEEDED") for name in ("ingest", "compare_data")]

    def tokenize(*states: str) -> list[Item]:
        return stage("tokenize", *states, group=CONDITION)

    kubeflow.frames = [
        frame("RUNNING", *before, condition("RUNNING", tokenize("RUNNING", "RUNNING"))),
        frame("FAILED", *before, condition("FAILED", tokenize("FAILED", "FAILED", "FAILED"))),
    ]
    kubeflow.logs = {
        pod_name("tokenize", group=CONDITION): ">> tokenize 1/3\n",
        pod_name("tokenize", 1, CONDITION): "error: tokenize: vocab.txt: empty; write one\n",
    }
    kubeflow.pods = {pod_name("tokenize", 1, CONDITION): failed_pod()}
    assert bertline("runs", RUN) == 1
    assert [line.split(maxsplit=1) for line in capsys.readouterr().err.splitlines()] == [
        ["ingest", "done in 42 s"],
        ["compare_data", "done in 42 s"],
        ["tokenize", "1/3"],
        ["tokenize", "failed"],
        ["error:", f"run {RUN}: tokenize: vocab.txt: empty; write one"],
    ]


@pytest.mark.parametrize(
    ("final", "message"),
    [
        (frame("CANCELED", stage("finetune", "FAILED", "FAILED")), "was cancelled"),
        (
            frame(
                "FAILED",
                stage("finetune", "FAILED", "FAILED"),
                state_history=[{"state": "CANCELING"}, {"state": "FAILED"}],
            ),
            "was cancelled",
        ),
        (
            frame("FAILED", stage("finetune", "RUNNING", "RUNNING")),
            "finetune: failed without a message; see the log of its pod",
        ),
        (frame("FAILED"), "failed outside of its stages; see its page"),
        (
            frame("FAILED", error={"code": 3, "message": "no such service account"}),
            "no such service account",
        ),
    ],
)
def test_run_that_ends_without_a_failed_stage(
    final: dict[str, object],
    message: str,
    bertline: Bertline,
    kubeflow: Kubeflow,
    capsys: Captured,
) -> None:
    kubeflow.frames = [final]
    assert bertline("runs", RUN) == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"error: run {RUN}: {message}"


def test_pods_that_are_refused_give_the_reason(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    final = frame("FAILED")
    nodes = final["workflow"]["status"]["nodes"]
    driver = next(node for node in nodes.values() if node["name"].endswith("root-driver(0)"))
    driver |= {"phase": "Error", "message": 'pods "x" is forbidden: no service account "y"'}
    kubeflow.frames = [final]
    assert bertline("runs", RUN) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        f'error: run {RUN}: pods "x" is forbidden: no service account "y"'
    )


def test_host_that_does_not_return_the_workflow_says_so(
    bertline: Bertline, kubeflow: Kubeflow, host: str, capsys: Captured
) -> None:
    kubeflow.frames = [{"state": "FAILED"}]
    assert bertline("runs", RUN) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"error: run {RUN}: failed; {host} does not return its workflow, so that the reason is on "
        "its page only"
    )


def test_logs_are_also_looked_for_in_the_archive(bertline: Bertline, kubeflow: Kubeflow) -> None:
    kubeflow.frames = [frame("FAILED", stage("finetune", "FAILED", "FAILED"))]
    assert bertline("runs", RUN) == 1
    queries = [query for path, query in kubeflow.pages if path == "/k8s/pod/logs"]
    assert {query["createdat"] for query in queries} == {"2026-01-05"}


def test_host_that_comes_back_is_asked_again(
    bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    outputs = {"exported": "gs://bucket/exported"}
    kubeflow.frames = [
        frame("SUCCEEDED", stage("convert", "SUCCEEDED", "SUCCEEDED", outputs=outputs))
    ]
    kubeflow.refusals = {r"GET /apis/v2beta1/runs/.*": [(503, "busy"), (503, "busy")]}
    assert bertline("runs", RUN) == 0


@pytest.mark.parametrize(
    ("number", "ending"),
    [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "ended by SIGTERM")],
)
def test_interrupt_leaves_the_run_alone(
    bertline: Bertline,
    kubeflow: Kubeflow,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
    number: signal.Signals,
    ending: str,
) -> None:
    # Not time.sleep itself, which other threads call too.
    clock = SimpleNamespace(
        monotonic=time.monotonic, sleep=lambda seconds: os.kill(os.getpid(), number)
    )
    monkeypatch.setattr(watch, "time", clock)
    assert bertline("runs", RUN) == 128 + number
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"error: {ending}; run {RUN} goes on; `bertline runs {RUN}` follows it, `cancel` ends it"
    )
