"""What a user names that is no file, or an address that nobody may see, at the command line."""

import http.server
import os
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.cli import main
from tests.storage.contents import files_below


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A named pipe that nobody writes to, called as recipes, graphs and listings are."""
    for name in ("pipe.yaml", "pipe.pb", "pipe.xml"):
        os.mkfifo(tmp_path / name)
    os.mkfifo(tmp_path / "run-1.index")
    (tmp_path / "model").mkdir()
    (tmp_path / "model/exports.json").write_text("{}")
    os.mkfifo(tmp_path / "model/model.json")
    return tmp_path / "pipe.yaml"


COMMANDS = [
    "run PIPE",
    "run snips --data PIPE",
    "run snips --data /dev/zero",
    "run snips --data FOLDER",
    "run snips --set import_checkpoint.checkpoint=PIPE",
    "run snips --set import_checkpoint.checkpoint=FOLDER/run-1",
    "run snips --set import_checkpoint.vocab=/dev/zero",
    "compile snips --target PIPE -o FOLDER/made.yaml",
    "convert PIPE -o FOLDER/made",
    "convert FOLDER/pipe.pb -o FOLDER/made",
    "convert /dev/zero -o FOLDER/made",
    "inspect FOLDER/pipe.xml",
    "predict --model PIPE text",
    "predict --model FOLDER/model text",
    "diff FOLDER/model /dev/zero --data FOLDER",
    "compile snips -o PIPE",
    "compile snips -o /dev/null",
    "compile snips -o FOLDER",
    "import-flags 'python3 run_squad.py --do_train' -o PIPE",
    "convert packaged -o PIPE",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_pipes_and_devices_are_neither_read_nor_replaced(
    command: str, pipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pipe.parent)
    given = command.replace("PIPE", str(pipe)).replace("FOLDER", str(pipe.parent))
    before = sorted(pipe.parent.rglob("*"))
    assert main(shlex.split(given)) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert "is a named pipe" in error or "is a device" in error or "folder" in error
    assert pipe.is_fifo()
    left = {path for path in pipe.parent.rglob("*") if "runs" not in path.parts}
    assert left == set(before)


class Refusing(http.server.BaseHTTPRequestHandler):
    """Has a file's version, and no file."""

    count = 0

    def do_GET(self) -> None:
        type(self).count += 1
        self.send_response(200 if type(self).count == 1 else 404)
        self.send_header("ETag", "1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    Refusing.count = 0
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://me:hunter2@127.0.0.1:{server.server_port}/a.zip?X-Goog-Signature=5ec2e7"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("key", ["ingest.source", "import_checkpoint.checkpoint"])
def test_secrets_of_an_address_are_in_no_message_and_no_file(
    address: str, key: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["run", "snips", "--root", str(tmp_path / "root"), "--set", f"{key}={address}"]) == 2
    )
    output = "".join(capfd.readouterr())
    assert "…@127.0.0.1" in output
    contents = {"output": output.encode(), **files_below(tmp_path)}
    for secret in (b"hunter2", b"5ec2e7"):
        assert not [name for name, content in contents.items() if secret in content]


@pytest.mark.parametrize(
    "line", ["run snips --set ingest.suorce=ADDRESS", "run ADDRESS", "run snips --set ADDRESS"]
)
def test_nor_are_they_in_the_echo_of_what_was_given(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = "https://me:hunter2@example.org/a.zip?sig=5ec2e7"
    assert main(line.replace("ADDRESS", given).split()) == 2
    error = capsys.readouterr().err
    assert "hunter2" not in error and "5ec2e7" not in error
