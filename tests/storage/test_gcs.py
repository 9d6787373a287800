import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bertline.errors import StorageError
from bertline.storage import fetch, gcs, sources_digest
from tests.storage.contents import CONTENT, files_below


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket named "data" of a storage emulator that the environment points to."""
    from gcp_storage_emulator.server import create_server

    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://localhost:{port}")
    monkeypatch.setenv("no_proxy", "*")
    server = create_server("localhost", port, in_memory=True, default_bucket="data")
    server.start()
    client = gcs._client()
    yield client.bucket("data")
    client.close()
    server.stop()


def upload(bucket: Any, **contents: bytes) -> None:
    for name, content in contents.items():
        bucket.blob(name).upload_from_string(content)


def test_gs_object_and_prefix(bucket: Any, tmp_path: Path) -> None:
    upload(bucket, **{"snips/a.json": b"1", "snips/sub/b.json": CONTENT, "snips.zip": b"3"})
    upload(bucket, **{"snips/empty/": b""})
    path = fetch("gs://data/snips.zip", tmp_path / "one")
    assert path == tmp_path / "one" / "snips.zip"
    assert path.read_bytes() == b"3"
    folder = fetch("gs://data/snips/", tmp_path / "all")
    assert folder == tmp_path / "all" / "snips"
    assert files_below(folder) == {"a.json": b"1", "sub/b.json": CONTENT}
    assert set(files_below(fetch("gs://data", tmp_path / "bucket"))) == {
        "snips.zip",
        "snips/a.json",
        "snips/sub/b.json",
    }


def test_gs_digest_follows_contents_not_uploads(bucket: Any) -> None:
    upload(bucket, **{"snips/a.json": b"1"})
    first = sources_digest(["gs://data/snips"])
    upload(bucket, **{"snips/a.json": b"1"})
    assert sources_digest(["gs://data/snips"]) == first
    upload(bucket, **{"snips/a.json": b"2"})
    assert sources_digest(["gs://data/snips"]) != first


def test_a_damaged_object_is_told(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(bucket, **{"a.zip": b"12"})
    blob = type(bucket.blob("a.zip"))
    monkeypatch.setattr(blob, "download_to_filename", lambda self, file, **_: file.write_text("1"))
    with pytest.raises(StorageError, match="gs://data/a.zip: came damaged"):
        fetch("gs://data/a.zip", tmp_path / "fetched")
    assert files_below(tmp_path) == {}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("gs://data/missing", "no such object and none below it"),
        ("gs://data/snip", "no such object and none below it"),
        ("gs://nobody/a.zip", "404"),
    ],
)
def test_a_missing_object_or_bucket_is_told(
    bucket: Any, tmp_path: Path, source: str, message: str
) -> None:
    upload(bucket, **{"snips/a.json": b"1"})
    with pytest.raises(StorageError, match=message):
        fetch(source, tmp_path / "fetched")
    assert files_below(tmp_path) == {}


def test_an_object_name_that_leads_out_is_refused(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = bucket.blob("snips/../../evil")
    monkeypatch.setattr(type(bucket.client), "list_blobs", lambda *_, **__: [evil])
    with pytest.raises(StorageError, match=r"object '\.\./\.\./evil' leads out of the folder"):
        fetch("gs://data/snips", tmp_path / "fetched")
    assert files_below(tmp_path) == {}


def test_a_refused_gs_connection_is_told(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gcs, "RETRY_SECONDS", 0.1)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://localhost:{port}")
    with pytest.raises(StorageError, match="gs://data/a.zip: .*refused.*; check the address"):
        fetch("gs://data/a.zip", tmp_path / "fetched")


def test_missing_credentials_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(StorageError, match="no credentials .*gcloud auth application-default"):
        sources_digest(["gs://data/a.zip"])
