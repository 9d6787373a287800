"""Hosts that do not answer, refuse, or are something else; and what proves who asks."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.cluster import watch
from tests.pipelines.cluster.conftest import RUN
from tests.pipelines.cluster.kubeflow import Kubeflow

Bertline = Callable[..., int]
Captured = pytest.CaptureFixture[str]
TOKEN = ["--set", "target.kubeflow.auth=token"]
SECRET = "s3cret-value"


def one_line(capsys: Captured) -> str:
    """The only line that a failed command wrote."""
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        port: int = listener.getsockname()[1]
        return port


def test_host_that_does_not_answer(host: str, capsys: Captured) -> None:
    address = f"http://localhost:{free_port()}"
    assert main(["runs", "--target", "kind", "--host", address]) == 2
    assert one_line(capsys) == (
        f"error: {address}: does not answer (Connection refused); start the port-forward to "
        "ml-pipeline-ui, or give --host"
    )


def test_host_that_is_lost_on_the_way(
    bertline: Bertline, kubeflow: Kubeflow, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(watch, "LOST_SECONDS", 0)
    monkeypatch.setattr(watch, "get", lambda connection, id: connection.call(lost))
    assert bertline("runs", RUN) == 1
    line = one_line(capsys)
    assert "does not answer" in line
    assert line.endswith(f"run {RUN} goes on; `bertline runs {RUN}` follows it, `cancel` ends it")


def test_server_that_fails_for_a_while_is_asked_again(
    bertline: Bertline, kubeflow: Kubeflow
) -> None:
    kubeflow.frames = [{"state": "CANCELED"}]
    failing = [(500, "database is starting"), (503, "busy")]
    kubeflow.refusals = {f"GET .*/runs/{RUN}": failing}
    assert bertline("runs", RUN) == 1
    assert not failing


def lost(**options: object) -> None:
    """A request on a connection that breaks."""
    import urllib3

    raise urllib3.exceptions.ProtocolError("Connection aborted.")


@pytest.mark.parametrize("auth", ["none", "token", "cookie", "service-account"])
def test_each_kind_of_proof_is_sent(
    auth: str,
    bertline: Bertline,
    kubeflow: Kubeflow,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    monkeypatch.setenv("BERTLINE_KFP_TOKEN", SECRET)
    monkeypatch.setenv("BERTLINE_KFP_COOKIE_FILE", str(file))
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(file))
    expected = {
        "none": {},
        "token": {"Authorization": f"Bearer {SECRET}"},
        "cookie": {"Cookie": SECRET},
        "service-account": {"Authorization": f"Bearer {SECRET}"},
    }
    kubeflow.authorization = expected[auth]
    kubeflow.frames = [{"state": "RUNNING"}]
    assert bertline("runs", RUN, "--no-wait", "--set", f"target.kubeflow.auth={auth}") == 0


def test_token_is_read_anew_for_each_request(
    bertline: Bertline, kubeflow: Kubeflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text("old")
    monkeypatch.setenv("BERTLINE_KFP_TOKEN_FILE", str(file))
    kubeflow.authorization = {"Authorization": "Bearer old"}
    kubeflow.frames = [{"state": "RUNNING"}, {"state": "CANCELED"}]

    def rotate(seconds: float) -> None:
        file.write_text("new")
        kubeflow.authorization = {"Authorization": "Bearer new"}

    monkeypatch.setattr("pipelines.cluster.watch.time.sleep", rotate)
    assert bertline("runs", RUN, *TOKEN) == 1
    assert not kubeflow.frames[1:]


@pytest.mark.parametrize("status", [401, 403])
def test_expired_token_is_not_told(
    status: int,
    host: str,
    bertline: Bertline,
    kubeflow: Kubeflow,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    monkeypatch.setenv("BERTLINE_KFP_TOKEN", SECRET)
    kubeflow.refusals = {"GET .*/healthz": [(status, "token is expired")]}
    assert bertline("runs", *TOKEN) == 2
    assert one_line(capsys) == (
        f"error: {host}: no access with these credentials (sent was that of $BERTLINE_KFP_TOKEN; "
        "get a new one if it has expired)"
    )


def test_host_that_asks_for_credentials(
    host: str, bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    kubeflow.authorization = {"Authorization": "Bearer anything"}
    assert bertline("runs") == 2
    assert one_line(capsys) == (
        f"error: {host}: no access with these credentials (none was sent; give --set "
        "target.kubeflow.auth=token or cookie)"
    )


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("BERTLINE_KFP_TOKEN", "", "$BERTLINE_KFP_TOKEN: empty, or no text for an HTTP header"),
        ("BERTLINE_KFP_TOKEN", "a\nb", "$BERTLINE_KFP_TOKEN: empty, or no text for an HTTP header"),
        ("BERTLINE_KFP_TOKEN_FILE", "/no/file", "/no/file: No such file or directory"),
    ],
)
def test_secret_that_is_missing_or_malformed(
    variable: str,
    value: str,
    message: str,
    bertline: Bertline,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    monkeypatch.setenv(variable, value)
    assert bertline("runs", *TOKEN) == 2
    assert one_line(capsys).startswith(f"error: {message}; ")


def test_login_page_is_not_kubeflow(
    host: str, bertline: Bertline, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    from tests.pipelines.cluster.kubeflow import Handler

    send = Handler._send
    monkeypatch.setattr(
        Handler, "_send", lambda self, *_: send(self, 200, b"<p>log in</p>", "text/html")
    )
    assert bertline("runs") == 2
    assert one_line(capsys).startswith(
        f"error: {host}: answers with a page for people and not as Kubeflow Pipelines does, "
        "perhaps for want of credentials ("
    )


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b"404 page not found", "text/plain"),
        (200, b"ok", "text/plain"),
    ],
)
def test_another_server_is_not_kubeflow(
    status: int,
    body: bytes,
    kind: str,
    host: str,
    bertline: Bertline,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    from tests.pipelines.cluster.kubeflow import Handler

    send = Handler._send
    monkeypatch.setattr(Handler, "_send", lambda self, *_: send(self, status, body, kind))
    assert bertline("runs") == 2
    assert one_line(capsys) == (
        f"error: {host}: is not Kubeflow Pipelines (no health page of its API); give the address "
        "of ml-pipeline-ui with --host"
    )


@pytest.mark.parametrize(("status", "code"), [(400, 2), (500, 1)])
def test_what_the_server_says_is_told(
    status: int, code: int, host: str, bertline: Bertline, kubeflow: Kubeflow, capsys: Captured
) -> None:
    kubeflow.refusals = {"GET .*/experiments": [(status, "Failed:\n  no such\tthing.")]}
    assert bertline("runs") == code
    expected = f"error: {host}: Failed: no such thing (HTTP {status})"
    assert one_line(capsys).startswith(expected)


@pytest.mark.parametrize("value", ["localhost:8080", "ftp://host", "http://"])
def test_malformed_host(value: str, capsys: Captured) -> None:
    assert main(["runs", "--target", "kind", "--host", value]) == 2
    assert f"error: target kind: key 'kubeflow.host' = {value!r}" in one_line(capsys)
