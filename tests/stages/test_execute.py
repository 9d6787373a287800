import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tensorflow as tf

from bertline.artifacts import new_artifact
from bertline.config import Config
from bertline.errors import BertlineError, ConfigError, DataError, StageError
from bertline.interrupts import Interrupted
from bertline.stages import execute
from bertline.stages.execute import FAILURE_FILE_VARIABLE, RUN_LOCK_VARIABLE, explain
from bertline.usage import Cost, Usage
from tests.conftest import ROOT


class Settings(Config):
    count: int = 1


def stage_that(does: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts a stage in the place of `publish`."""
    module = ModuleType("bertline.stages.publish")
    module.Settings = Settings  # type: ignore[attr-defined]
    module.run = does  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_stages_that_train_alone_have_the_backend_that_was_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    found = []
    for stage in ("finetune", "publish"):
        module = ModuleType(f"bertline.stages.{stage}")
        module.Settings = Settings  # type: ignore[attr-defined]
        module.run = lambda settings: found.append(os.environ["KERAS_BACKEND"])  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        execute.run(stage, "{}", {})
    assert found == ["jax", "tensorflow"]


def test_a_stage_gets_settings_and_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    stage_that(lambda settings, **paths: calls.append((settings, paths)), monkeypatch)
    execute.execute("publish", '{"count": 3}', report="a/b")
    assert calls == [(Settings(count=3), {"report": Path("a/b")})]


def test_a_registry_may_be_an_address_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[Any] = []
    stage_that(lambda settings, **paths: calls.append(paths), monkeypatch)
    execute.execute("publish", "{}", registry="gs://bucket/models")
    assert calls == [{"registry": "gs://bucket/models"}]
    with pytest.raises(SystemExit) as ended:
        execute.execute("publish", "{}", report="gs://bucket/report")
    assert ended.value.code == 2
    message = "gs://bucket/report: report has to be a path; give the one where it is mounted"
    assert capsys.readouterr().err == f"error: publish: {message}\n"


def test_an_input_of_several_artifacts_is_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    stage_that(lambda settings, **paths: calls.append(paths), monkeypatch)
    execute.execute("publish", "{}", reports=["a", "b"])
    assert calls == [{"reports": [Path("a"), Path("b")]}]


def test_a_stage_does_not_run_on_damaged_artifacts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    stage_that(lambda settings, **paths: calls.append(paths), monkeypatch)
    paths: dict[str, Any] = {}
    for name in ("report", "published", "registry"):
        paths[name] = tmp_path / name
        with new_artifact(paths[name], "report") as folder:
            (folder / "metrics.json").write_text("{}")
    execute.run("publish", "{}", paths)
    # What it writes to, and what holds no artifact, is not looked at.
    for name in ("published", "registry"):
        (paths[name] / "metrics.json").write_text("[]")
    execute.run("publish", "{}", paths)
    (paths["report"] / "metrics.json").write_text("[]")
    with pytest.raises(DataError, match=r"report/metrics.json: damaged"):
        execute.run("publish", "{}", paths)
    with pytest.raises(DataError, match=r"report/metrics.json: damaged"):
        execute.run("publish", "{}", {"reports": [paths["report"]]})
    assert len(calls) == 2


@pytest.mark.parametrize(("code", "runs"), [(130, False), (2, False), (1, True)])
def test_nothing_is_begun_in_a_run_that_no_retry_mends(
    code: int, runs: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    stage_that(lambda settings: calls.append(settings), monkeypatch)
    failure_file = tmp_path / "failure.json"
    failure_file.write_text(json.dumps({"stage": "x", "message": "y", "exit_code": code}))
    monkeypatch.setenv(FAILURE_FILE_VARIABLE, str(failure_file))
    with pytest.raises(SystemExit) if not runs else contextlib.nullcontext() as caught:
        execute.execute("publish", "{}")
    assert bool(calls) is runs
    assert caught is None or caught.value.code == code


def test_what_a_stage_cost_lies_beside_its_output_and_goes_on_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported, published = tmp_path / "exported", tmp_path / "published"
    exported.mkdir()
    Usage(stages={"export": Cost.until_now()}).write(exported)
    stage_that(lambda settings, **paths: paths["published"].mkdir(), monkeypatch)
    paths: dict[str, Path | str | list[Path]] = {
        "exported": exported,
        "registry": "gs://bucket/models",
        "published": published,
    }
    execute.run("publish", "{}", paths)
    before, after = (Usage.read(folder).stages for folder in (exported, published))
    assert list(after) == ["export", "publish"]
    assert after["export"] == before["export"]
    assert after["publish"].peak_memory_bytes >= before["export"].peak_memory_bytes > 10**6


def failing(error: BaseException) -> Callable[..., None]:
    def run(settings: Settings) -> None:
        raise error

    return run


FULL = OSError(errno.ENOSPC, "No space left on device", "/data/weights.safetensors")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (DataError("a.json: no text; add it"), 2, "a.json: no text; add it"),
        (StageError("no delegate"), 1, "no delegate"),
        (KeyboardInterrupt(), 130, "interrupted; run the same command again to continue"),
        (Interrupted(15), 143, "ended by SIGTERM; run the same command again to continue"),
        (
            FULL,
            1,
            "/data/weights.safetensors: No space left on device; free space there and run the "
            "same command again",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "/from/a", None, "/to/a"),
            1,
            "/to/a: No space left on device; free space there and run the same command again",
        ),
        (
            shutil.Error([("/from/a", "/to/a", "No space left on device")]),
            1,
            "/to/a: No space left on device; fix this and run the same command again",
        ),
        (OSError("odd"), 1, "odd; fix this and run the same command again"),
        (OSError("two\nlines"), 1, "two lines; fix this and run the same command again"),
        (MemoryError(), 1, f"out of memory (no more is given); {execute.MORE_MEMORY}"),
        (
            OSError(errno.ENOMEM, "Cannot allocate memory"),
            1,
            f"out of memory ([Errno 12] Cannot allocate memory); {execute.MORE_MEMORY}",
        ),
        (
            tf.errors.ResourceExhaustedError(None, None, "OOM when allocating [9]\n\n [[{{node}}"),
            1,
            f"out of memory (OOM when allocating [9]); {execute.MORE_MEMORY}",
        ),
        (
            RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes"),
            1,
            "out of memory (RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes); "
            f"{execute.MORE_MEMORY}",
        ),
        (
            tf.errors.ResourceExhaustedError(None, None, "/a/b; No space left on device"),
            1,
            "/a/b; No space left on device; check the place, its permissions and its free space",
        ),
        (
            tf.errors.PermissionDeniedError(None, None, "/a/b; Permission denied"),
            1,
            "/a/b; Permission denied; check the place, its permissions and its free space",
        ),
    ],
)
def test_what_fails_is_told_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    message: str,
) -> None:
    stage_that(failing(error), monkeypatch)
    monkeypatch.setenv(FAILURE_FILE_VARIABLE, str(tmp_path / "failure.json"))
    with pytest.raises(SystemExit) as caught:
        execute.execute("publish", "{}")
    assert caught.value.code == code
    assert capsys.readouterr().err == f"error: publish: {message}\n"
    failure = json.loads((tmp_path / "failure.json").read_text())
    assert failure == {"stage": "publish", "message": message, "exit_code": code}


@pytest.mark.parametrize(("later", "code"), [(DataError("b"), 1), (KeyboardInterrupt(), 130)])
def test_first_failure_is_kept_unless_the_run_is_interrupted(
    later: BaseException, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FAILURE_FILE_VARIABLE, str(tmp_path / "failure.json"))
    for error in (StageError("a"), later):
        stage_that(failing(error), monkeypatch)
        with pytest.raises(SystemExit):
            execute.execute("publish", "{}")
    assert json.loads((tmp_path / "failure.json").read_text())["exit_code"] == code


def test_without_room_for_the_failure_file_the_line_must_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage_that(failing(FULL), monkeypatch)
    monkeypatch.setenv(FAILURE_FILE_VARIABLE, str(tmp_path / "nowhere" / "failure.json"))
    with pytest.raises(SystemExit) as caught:
        execute.execute("publish", "{}")
    assert caught.value.code == 1
    assert "No space left on device" in capsys.readouterr().err


def test_bugs_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    stage_that(failing(ZeroDivisionError("division by zero")), monkeypatch)
    with pytest.raises(ZeroDivisionError):
        execute.execute("publish", "{}")
    for bug in (ZeroDivisionError(), tf.errors.InvalidArgumentError(None, None, "shapes")):
        with pytest.raises(type(bug)):
            explain(bug)


def test_every_error_has_a_code() -> None:
    assert {kind: explain(kind("x")) for kind in BertlineError.__subclasses__()} == {
        kind: (kind.exit_code, "x") for kind in BertlineError.__subclasses__()
    }


def test_unknown_stages_and_settings_are_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="unknown stage 'finetun'; did you mean 'finetune'"):
        execute.run("finetun", "{}", {})
    with pytest.raises(ConfigError, match="finetune: unknown key 'epochs'; did you mean 'num_ep"):
        execute.run("finetune", '{"epochs": 3}', {})
    with pytest.raises(ConfigError, match="publish: not JSON"):
        execute.run("publish", "{", {})


def run_stage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bertline.stages.execute", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=False
    )


def test_a_process_ends_with_the_code_one_line_and_no_traceback(tmp_path: Path) -> None:
    failure_file = tmp_path / "failure.json"
    done = run_stage(
        "ingest",
        json.dumps({"source": str(tmp_path / "none")}),
        f"examples={tmp_path / 'examples'}",
        **{FAILURE_FILE_VARIABLE: str(failure_file)},
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: ingest: ")
    assert json.loads(failure_file.read_text())["exit_code"] == 2
    assert not (tmp_path / "examples").exists()


def test_a_stage_that_begins_after_its_run_has_ended_ends(tmp_path: Path) -> None:
    done = run_stage(
        "ingest",
        json.dumps({"source": "/dev/stdin"}),
        f"examples={tmp_path / 'examples'}",
        **{RUN_LOCK_VARIABLE: str(tmp_path / "gone")},
    )
    assert done.returncode == -signal.SIGKILL
