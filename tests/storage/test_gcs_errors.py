import io
import json
import logging
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.oauth2 import service_account

from bertline.errors import StorageError
from bertline.storage import bucket, fetch, sources_digest
from tests.storage.contents import CONTENT
from tests.storage.gcs_server import TOKEN, UNREAD, Cloud

pytestmark = UNREAD

LOGIN = "run `gcloud auth application-default login`, or on a cluster check the service account"


def download(folder: Path) -> None:
    fetch("gs://data/a.zip", folder / "fetched")


def upload(folder: Path) -> None:
    with bucket.opened("gs://data/a.zip") as (opened, key):
        opened.add(key, io.BytesIO(CONTENT * 9))


def message_of(call: Callable[[Path], None], folder: Path) -> str:
    with pytest.raises(StorageError) as raised:
        call(folder)
    message = str(raised.value)
    assert message.startswith("gs://data/a.zip: ")
    assert "\n" not in message
    assert "upload_id" not in message
    assert list(folder.iterdir()) == []
    return message.removeprefix("gs://data/a.zip: ")


BOTH = pytest.mark.parametrize("call", [download, upload])


@BOTH
@pytest.mark.parametrize("method", ["GET|POST", "PUT|download"])
def test_a_bucket_without_permission(
    cloud: Cloud, tmp_path: Path, call: Callable[[Path], None], method: str
) -> None:
    if call is download:
        cloud.put(**{"a.zip": CONTENT})
    denied = "me@example.com does not have\nstorage.objects.create access."
    cloud.fail(method, 403, message=denied)
    assert message_of(call, tmp_path) == (
        f"no permission (HTTP 403 {' '.join(denied.split())}); have the bucket's owner grant it "
        "(roles/storage.objectUser)"
    )


@BOTH
def test_a_host_that_does_not_answer(
    cloud: Cloud, tmp_path: Path, call: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(bucket, "RETRY_SECONDS", 0.1)
    cloud.fail("GET|PUT", "silent", times=9)
    remedy = "check the address and try again later"
    assert message_of(call, tmp_path) == f"no answer (timed out); {remedy}"


@BOTH
def test_a_host_that_refuses_connections(
    cloud: Cloud, tmp_path: Path, call: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "RETRY_SECONDS", 0.1)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://localhost:{port}")
    assert message_of(call, tmp_path).startswith(
        "no answer ([Errno 111] Connection refused); check"
    )


def test_a_server_that_stays_out_of_order(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "RETRY_SECONDS", 0.1)
    cloud.fail("PUT", 503, times=99)
    assert message_of(upload, tmp_path).startswith("no answer (HTTP 503 told by the server); check")
    assert cloud.objects() == {}


@pytest.fixture
def account(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Has credentials found as everywhere, in a file; the bucket wants the token they give.

    The private key in that file.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    content = {
        "type": "service_account",
        "project_id": "toy",
        "client_email": "me@example.com",
        "private_key": key.decode(),
        "token_uri": f"{cloud.address}/token",
    }
    file = tmp_path.with_suffix(".json")
    file.write_text(json.dumps(content))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    monkeypatch.setenv("API_ENDPOINT_OVERRIDE", cloud.address)
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    # In the background it would ask a host of Google's for the account's regions.
    lookup = "_build_regional_access_boundary_lookup_url"
    monkeypatch.setattr(service_account.Credentials, lookup, lambda *_, **__: None)
    cloud.token = TOKEN
    return key.decode()


def test_default_credentials_are_used_and_never_shown(
    cloud: Cloud,
    account: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.INFO):
        upload(tmp_path)
        cloud.fail("GET /download", 503)
        download(tmp_path)
    assert cloud.objects() == {"a.zip": CONTENT * 9}
    logged = [r.getMessage() for r in caplog.records if not r.name.startswith("gcp_storage_emu")]
    shown = "\n".join([*logged, *capfd.readouterr()])
    for secret in (TOKEN, account.splitlines()[1], "upload_id", "Bearer"):
        assert secret not in shown


@BOTH
def test_an_expired_token(
    cloud: Cloud, account: str, tmp_path: Path, call: Callable[[Path], None]
) -> None:
    cloud.token = "another"
    assert message_of(call, tmp_path) == (
        "the credentials are not valid or have expired (HTTP 401 Invalid Credentials); " + LOGIN
    )


@BOTH
def test_credentials_that_were_revoked(
    cloud: Cloud, account: str, tmp_path: Path, call: Callable[[Path], None]
) -> None:
    cloud.revoked = True
    assert message_of(call, tmp_path) == (
        "the credentials are not valid or have expired (invalid_grant: Token revoked.); " + LOGIN
    )


def test_a_token_that_expires_during_an_upload_is_renewed(
    cloud: Cloud, account: str, tmp_path: Path
) -> None:
    cloud.fail("PUT", 401)
    upload(tmp_path)
    assert cloud.objects() == {"a.zip": CONTENT * 9}
    assert sum("/token" in request for request in cloud.requests) == 2


def test_missing_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(StorageError, match="no credentials .File .*missing.json.*; run `gcloud"):
        sources_digest(["gs://data/a.zip"])


def test_a_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "google.api_core.exceptions", None)
    with pytest.raises(
        StorageError, match=r"needs the package google.api_core.*bertline\[pipeline"
    ):
        fetch("gs://data/a.zip", tmp_path)
