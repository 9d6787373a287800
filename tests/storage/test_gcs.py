import subprocess
import sys
import time
from pathlib import Path

import pytest

from bertline.errors import StorageError
from bertline.storage import bucket, fetch, fetch_files, sources_digest
from bertline.storage.gcs import beginning
from bertline.storage.partial import downloads_folder
from tests.storage.contents import CONTENT, files_below
from tests.storage.gcs_server import UNREAD, Cloud

pytestmark = UNREAD
HALF = len(CONTENT) // 2


def ranges(cloud: Cloud) -> list[str]:
    """The ranges that were asked for of objects, "" for all."""
    gets = [request for request in cloud.requests if request.startswith("GET /download/")]
    return [request.partition("bytes=")[2] for request in gets]


def test_gs_object_and_prefix(cloud: Cloud, tmp_path: Path) -> None:
    cloud.put(**{"snips/a.json": b"1", "snips/sub/b.json": CONTENT, "snips.zip": b"3"})
    cloud.put(**{"snips/empty/": b"", "snips/nothing": b""})
    path = fetch("gs://data/snips.zip", tmp_path / "one")
    assert path == tmp_path / "one" / "snips.zip"
    assert path.read_bytes() == b"3"
    folder = fetch("gs://data/snips/", tmp_path / "all")
    assert folder == tmp_path / "all" / "snips"
    assert files_below(folder) == {"a.json": b"1", "sub/b.json": CONTENT, "nothing": b""}
    assert len(files_below(fetch("gs://data", tmp_path / "bucket"))) == 4
    assert files_below(downloads_folder()) == {}


def test_some_files_come_beside_one_another(cloud: Cloud, tmp_path: Path) -> None:
    cloud.put(**{"run/a.ckpt-1.index": b"1", "run/a.ckpt-1.data": b"2", "run/a.ckpt-1.d/x": b"3"})
    cloud.put(**{"run/a.ckpt-10.index": b"4", "other/vocab.txt": b"5"})
    addresses = beginning("gs://data/run/a.ckpt-1.")
    assert addresses == ["gs://data/run/a.ckpt-1.data", "gs://data/run/a.ckpt-1.index"]
    folder = fetch_files([*addresses, "gs://data/other/vocab.txt"], tmp_path / "fetched")
    assert folder == tmp_path / "fetched"
    assert files_below(folder) == {"a.ckpt-1.data": b"2", "a.ckpt-1.index": b"1", "vocab.txt": b"5"}
    with pytest.raises(StorageError, match="gs://data/missing: no such object"):
        fetch_files(["gs://data/other/vocab.txt", "gs://data/missing"], tmp_path / "half")
    assert not (tmp_path / "half").exists()


def test_gs_digest_follows_contents_not_uploads(cloud: Cloud) -> None:
    cloud.put(**{"snips/a.json": b"1"})
    first = sources_digest(["gs://data/snips"])
    cloud.put(**{"snips/a.json": b"1"})
    assert sources_digest(["gs://data/snips"]) == first
    cloud.put(**{"snips/a.json": b"2"})
    assert sources_digest(["gs://data/snips"]) != first


def test_a_connection_that_breaks_is_taken_up(cloud: Cloud, tmp_path: Path) -> None:
    cloud.put(**{"a.zip": CONTENT})
    cloud.fail("GET /storage/.*/o$", 503, times=2)
    cloud.fail("GET /download/", "cut", times=2)
    cloud.fail("GET /download/", 503)
    assert fetch("gs://data/a.zip", tmp_path / "fetched").read_bytes() == CONTENT
    came = HALF + HALF // 2
    assert ranges(cloud) == ["", f"{HALF}-", f"{came}-", f"{came}-"]


def test_a_long_download_is_taken_up_after_the_client_gave_it_up(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.put(**{"a.zip": CONTENT})
    monkeypatch.setattr(bucket, "RETRY_SECONDS", 0.0)
    cloud.fail("GET /download/", "cut", times=3)
    assert fetch("gs://data/a.zip", tmp_path / "fetched").read_bytes() == CONTENT


def test_what_came_is_kept_for_the_next_call(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.put(**{"a.zip": CONTENT})
    monkeypatch.setattr(bucket, "RETRY_SECONDS", 0.0)
    cloud.fail("GET /download/", "cut")
    cloud.fail("GET /download/", 503)
    with pytest.raises(StorageError, match="a.zip: no answer .HTTP 503 told by the server.; check"):
        fetch("gs://data/a.zip", tmp_path / "fetched")
    assert files_below(tmp_path) == {}
    cloud.requests.clear()
    assert fetch("gs://data/a.zip", tmp_path / "fetched").read_bytes() == CONTENT
    assert ranges(cloud) == [f"{HALF}-"]


def test_what_came_of_another_generation_is_dropped(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.put(**{"a.zip": CONTENT})
    monkeypatch.setattr(bucket, "RETRY_SECONDS", 0.0)
    cloud.fail("GET /download/", "cut")
    cloud.fail("GET /download/", 503)
    with pytest.raises(StorageError, match="no answer"):
        fetch("gs://data/a.zip", tmp_path / "fetched")
    cloud.put(**{"a.zip": CONTENT[::-1]})
    assert fetch("gs://data/a.zip", tmp_path / "fetched").read_bytes() == CONTENT[::-1]


def test_a_killed_download_is_taken_up_by_another_process(cloud: Cloud, tmp_path: Path) -> None:
    cloud.put(**{"a.zip": CONTENT})
    cloud.fail("GET /download/", "cut")
    cloud.fail("GET /download/", "silent")
    code = "import sys; from pathlib import Path; from bertline.storage import fetch; "
    command = [sys.executable, "-c", f"{code} fetch('gs://data/a.zip', Path(sys.argv[1]))"]
    with subprocess.Popen([*command, str(tmp_path / "killed")]) as process:
        while len(ranges(cloud)) < 2:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    cloud.requests.clear()
    assert fetch("gs://data/a.zip", tmp_path / "fetched").read_bytes() == CONTENT
    assert ranges(cloud) == [f"{HALF}-"]


def test_a_damaged_object_is_told_and_not_kept(cloud: Cloud, tmp_path: Path) -> None:
    cloud.put(**{"a.zip": b"12"})
    cloud.storage.objects["data"]["a.zip"]["crc32c"] = "AAAAAA=="
    with pytest.raises(StorageError, match="gs://data/a.zip: came damaged"):
        fetch("gs://data/a.zip", tmp_path / "fetched")
    assert files_below(tmp_path) == files_below(downloads_folder()) == {}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("gs://data/missing", "no such object and none below it"),
        ("gs://data/snip", "no such object and none below it"),
        ("gs://nobody/a.zip", "not found .HTTP 404 Not Found.; check the address"),
        ("gs:///a.zip", "'' is no bucket's name; give gs://BUCKET/NAME"),
        ("gs://a_/a.zip", "'a_' is no bucket's name"),
    ],
)
def test_a_missing_object_or_bucket_is_told(
    cloud: Cloud, tmp_path: Path, source: str, message: str
) -> None:
    cloud.put(**{"snips/a.json": b"1"})
    with pytest.raises(StorageError, match=message):
        fetch(source, tmp_path / "fetched")
    assert files_below(tmp_path) == {}


def test_an_object_name_that_leads_out_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    cloud.put(**{"evil": b"1"})
    name = "snips/../../evil"  # which the emulator would not store
    objects = cloud.storage.objects["data"]
    objects[name] = {**objects["evil"], "name": name}
    with pytest.raises(StorageError, match=r"object '\.\./\.\./evil' leads out of the folder"):
        fetch("gs://data/snips", tmp_path / "fetched")
    assert files_below(tmp_path) == {}


def test_a_page_in_the_place_of_an_answer_is_told(cloud: Cloud, tmp_path: Path) -> None:
    cloud.put(**{"a.zip": CONTENT})
    cloud.fail("GET /storage", "page")
    with pytest.raises(
        StorageError, match=r"^gs://data/a.zip: what answers is no Cloud Storage .E"
    ):
        fetch("gs://data/a.zip", tmp_path / "fetched")
    cloud.fail("GET /download", "page")
    with pytest.raises(StorageError, match="gs://data/a.zip: came damaged"):
        fetch("gs://data/a.zip", tmp_path / "fetched")


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ('{"source_gb": 1e-3}', "gs://data/all: more than 0.001 GB; if it is meant to be, set BER"),
        ('{"download_hours": 1e-9}', "gs://data/all: not here after 1e-09 hours; if it is meant"),
    ],
)
def test_limits(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: str, message: str
) -> None:
    cloud.put(**{"all/a": bytes(999_000), "all/b": bytes(2_000)})
    monkeypatch.setenv("BERTLINE_LIMITS", limits)
    with pytest.raises(StorageError, match=message):
        fetch("gs://data/all", tmp_path / "fetched")
    assert files_below(tmp_path) == {}
