"""What needs no engine; tests/containers has the rest."""

import json
import socket
from pathlib import Path

import pytest

from bertline.errors import ConfigError
from pipelines.cli import main
from pipelines.containers import _lines, connect, outside


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
