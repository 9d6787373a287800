"""What needs no engine; tests/containers has the rest."""

import io
import json
import os
import signal
import socket
import threading
from pathlib import Path
from typing import Any

import docker
import pytest

from bertline.errors import ConfigError, StageError
from bertline.interrupts import Interrupted, interruptible
from pipelines.cli import main
from pipelines.containers import Containers, _lines, connect, networked, outside
from pipelines.local import Place, run_locally
from tests.pipelines.test_local import wait_for
from tests.pipelines.toy_engine import Engine
from tests.pipelines.toy_line import looped_line, toy_line


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ([], []),
        ([b"one\n"], ["one"]),
        ([b"o", b"ne\ntw", b"o\n\nthree"], ["one", "two", "", "three"]),
        (["ä".encode()[:1], "ä".encode()[1:] + b"\n"], ["ä"]),
        ([b"\xff\n"], ["�"]),
    ],
)
def test_lines_of_text_in_pieces(pieces: list[bytes], lines: list[str]) -> None:
    assert list(_lines(pieces)) == lines


def test_mounted_are_local_sources_and_what_their_links_name(tmp_path: Path) -> None:
    data, checkpoint, blobs = (tmp_path / name for name in ("data", "snapshot", "blobs"))
    for folder in (data, checkpoint, blobs):
        folder.mkdir()
    (blobs / "1f").write_text("{}")
    (checkpoint / "config.json").symlink_to("../blobs/1f")
    (checkpoint / "gone.json").symlink_to("../blobs/2e")
    settings = {
        "import_checkpoint": {"checkpoint": str(checkpoint), "vocab": "gs://bucket/vocab.txt"},
        "ingest": {"source": [str(data), "https://example.org/data.zip"]},
        "finetune": {"init_from": None},
    }
    found = outside({stage: json.dumps(values) for stage, values in settings.items()})
    assert found == {data, checkpoint, blobs / "1f"}


def test_socket_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"unix://{tmp_path}/podman.sock"
    monkeypatch.setenv("DOCKER_HOST", address)
    root = tmp_path / "runs"
    assert main(["run", "snips", "--runner", "docker", "--root", str(root)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {address}: no Docker or podman answers (")
    assert error.endswith("set DOCKER_HOST to the address of its socket\n")
    assert error.count("\n") == 1
    assert not root.exists()


def test_what_answers_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(ConfigError, match=f"{address}: no Docker or podman answers"):
        connect()


def test_unknown_runner_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["run", "snips", "--runner", "podman"])
    assert raised.value.code == 2
    assert "subprocess" in capsys.readouterr().err


def run(place: Place, settings: str, line: Any = None, security: tuple[str, ...] = ()) -> Engine:
    """The engine that has run the toy line, whose second stage has the network."""
    engine = Engine(security)
    with pytest.MonkeyPatch.context() as patch, place.locked():
        patch.setattr(docker, "from_env", lambda: engine)
        runner = Containers("sha256:1f", networked=frozenset({"second"}))
        run_locally(line or toy_line(), {"settings": settings}, place, io.StringIO(), runner)
    return engine


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "runs")


def test_containers_have_no_more_than_they_need(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BERTLINE_LIMITS", '{"source_gb": 9}')
    first, second = run(place, "hello").created
    for created in (first, second):
        assert created["cap_drop"] == ["ALL"]
        assert created["security_opt"] == ["no-new-privileges"]
        assert created["user"] == f"{os.getuid()}:{os.getgid()}"
        assert created["environment"]["BERTLINE_LIMITS"] == '{"source_gb": 9}'
        assert not {"privileged", "cap_add", "pid_mode", "ipc_mode", "devices"} & created.keys()
    assert (first["network_mode"], second["network_mode"]) == ("none", "host")


def test_an_engine_without_root_maps_its_root_to_the_user(place: Place) -> None:
    (first, _) = run(place, "hello", security=("name=seccomp", "name=rootless")).created
    assert first["user"] == "0"


def test_the_network_is_for_stages_that_read_from_it() -> None:
    settings = {
        "import_checkpoint": {"checkpoint": "packaged", "vocab": "gs://bucket/vocab.txt"},
        "ingest": {"source": ["data", "https://example.org/data.zip"]},
        "tokenize": {"beam_runner": "flink"},
        "finetune": {"init_from": "runs/model"},
        "export": {},
    }

    def found(**changes: Any) -> set[str]:
        return {*networked({stage: json.dumps(v) for stage, v in {**settings, **changes}.items()})}

    assert found() == {"import_checkpoint", "ingest", "tokenize"}
    known = {"checkpoint": "uncased_L-2_H-128_A-2"}
    assert found(import_checkpoint=known, ingest={"source": "data"}, tokenize={}) == {
        "import_checkpoint"
    }


def test_a_container_that_is_killed_tells_of_memory(place: Place) -> None:
    with pytest.raises(StageError, match="first: was killed, as the system does where memory run"):
        run(place, f"die {signal.SIGKILL:d}")


@pytest.mark.parametrize("make_line", [toy_line, looped_line])
def test_a_signal_ends_what_is_in_a_container(place: Place, tmp_path: Path, make_line: Any) -> None:
    sign = tmp_path / "sign"

    def interrupt() -> None:
        wait_for(lambda: sign.exists() and sign.read_text() != "")
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(Interrupted), interruptible():
        run(place, f"hang {sign}", make_line())
    thread.join()
    assert not sign.exists()  # the stage has cleaned up
