"""A stage that fails in its container fails the run, however fast it is; nothing is left of it."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from bertline.errors import ConfigError, StageError
from pipelines import containers as module
from pipelines.containers import ROOT_LABEL, Containers, connect, run_container
from pipelines.local import Place, run_locally
from tests.pipelines.test_local import PROJECT, wait_for
from tests.pipelines.toy_line import toy_line

pytestmark = pytest.mark.containers
TIMES = 20


def run(containers: Containers, place: Place, settings: str) -> tuple[str, str]:
    """The output of the toy line, and what was shown."""
    terminal = io.StringIO()
    with place.locked():
        line, arguments = toy_line(), {"settings": settings}
        outputs = run_locally(line, arguments, place, terminal, containers)
    return outputs.pipeline["Output"], terminal.getvalue()


def of_place(client: docker.DockerClient, place: Place) -> list[Any]:
    filters = {"label": f"{ROOT_LABEL}={place.root}"}
    found: list[Any] = client.containers.list(all=True, filters=filters)
    return found


def test_stage_that_fails_fails_the_run_every_time(
    containers: Containers, client: docker.DockerClient, place: Place
) -> None:
    told = []
    for _ in range(TIMES):
        with pytest.raises(StageError) as raised:
            run(containers, place, "wrong data")
        told.append((str(raised.value).partition("; log:")[0], raised.value.exit_code))
    assert told == [("first: labels.txt: no labels; write some", 2)] * TIMES
    assert of_place(client, place) == []


def test_exit_status_of_what_takes_no_time(client: docker.DockerClient, image: Any) -> None:
    statuses = [run_in(client, image, ["sh", "-c", "exit 3"]) for _ in range(TIMES)]
    assert statuses == [3] * TIMES


def run_in(client: docker.DockerClient, image: Any, command: list[str]) -> int:
    return run_container(client, image.id, command, network_mode="host")


def test_output_is_whole_and_comes_by_lines(
    client: docker.DockerClient, image: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    write = "import sys; sys.stdout.write('ä' * 50_000 + '\\n' + 'end')"
    assert run_in(client, image, ["python3", "-c", write]) == 0
    assert capsys.readouterr().out == "ä" * 50_000 + "\nend\n"


def test_stage_with_a_bug_tells_its_last_words(containers: Containers, place: Place) -> None:
    with pytest.raises(StageError, match=r"first: .*'ValueError: shapes differ'.*log") as raised:
        run(containers, place, "bug")
    assert raised.value.exit_code == 1


def test_second_run_comes_from_the_cache(containers: Containers, place: Place) -> None:
    assert run(containers, place, "hello")[0] == "hello"
    output, shown = run(containers, place, "hello")
    assert output == "hello"
    assert shown.split("\n") == ["  first             cached", "  second            cached", ""]


DRIVER = """
import sys
from pathlib import Path
from pipelines.containers import connect
from pipelines.local import Place, run_locally
from tests.pipelines.toy_line import toy_line

place = Place(Path(sys.argv[1]))
with place.locked():
    try:
        run_locally(toy_line(), {"settings": f"hang {sys.argv[2]}"}, place, sys.stderr, connect())
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.fixture
def driver(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """The process of a run whose first stage hangs by now."""
    sign = place.root / "hangs"
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(place.root), str(sign)],
        cwd=PROJECT,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            wait_for(lambda: sign.exists() and sign.read_text() != "", seconds=300)
            yield process
        finally:
            process.kill()


def test_interrupted_run_interrupts_its_stage(
    client: docker.DockerClient, place: Place, driver: subprocess.Popen[bytes]
) -> None:
    os.killpg(driver.pid, signal.SIGINT)  # as Ctrl-C on a terminal does
    assert driver.wait() == 130
    assert of_place(client, place) == []
    assert not (place.root / "hangs").exists()  # the stage has cleaned up


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_stage_ends_with_its_run(
    containers: Containers,
    client: docker.DockerClient,
    place: Place,
    driver: subprocess.Popen[bytes],
    number: signal.Signals,
) -> None:
    (container,) = of_place(client, place)
    driver.send_signal(number)
    assert driver.wait() == -number
    assert container.wait(timeout=60)["StatusCode"] == 128 + signal.SIGKILL
    run(containers, place, "hello")
    assert of_place(client, place) == []


def test_image_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IMAGE", "bertline-none:0")
    with pytest.raises(ConfigError, match=r"no image localhost/bertline-none:0 .*`make images`"):
        connect()


def test_image_of_other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "package_version", lambda: "0" * 64)
    with pytest.raises(ConfigError, match=r"other code than this; build it with `make images`"):
        connect()
