"""A stand-in for Kubeflow Pipelines, with and without the published document as a judge."""

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.cluster import connection, watch
from tests.pipelines.cluster.contract import Contract
from tests.pipelines.cluster.kubeflow import Handler, Kubeflow

RUN = "5f2a"
"""A run that the server has from the start."""
DOCUMENT = "oracle/kfp_api_v2beta1.swagger.json"


@pytest.fixture(params=["unchecked", pytest.param("checked", marks=pytest.mark.real)])
def kubeflow(request: pytest.FixtureRequest) -> Kubeflow:
    """What the server holds; "checked": every request and answer is held against the document."""
    contract = None
    if request.param == "checked":
        shared: Path = request.getfixturevalue("shared")
        contract = Contract(shared / DOCUMENT)
    kubeflow = Kubeflow(contract)
    kubeflow.runs[RUN] = {"run_id": RUN, "display_name": "snips", "experiment_id": "e"}
    return kubeflow


@pytest.fixture
def host(kubeflow: Kubeflow, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server of `kubeflow`; nothing waits between requests."""
    monkeypatch.setattr(watch, "POLL_SECONDS", 0)
    monkeypatch.setattr(connection, "RETRIES", connection.RETRIES.new(backoff_factor=0))

    class OwnHandler(Handler):
        pass

    OwnHandler.kubeflow = kubeflow
    with http.server.ThreadingHTTPServer(("localhost", 0), OwnHandler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def bertline(host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command, with target kind at the server's address, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: main([*words, "--target", "kind", "--host", host])
