import hashlib
import resource
import socket
from pathlib import Path

import pytest

from bertline.errors import StorageError
from bertline.storage import collect, fetch, sources_digest
from bertline.storage.partial import downloads_folder
from tests.storage.conftest import Handler, ranges
from tests.storage.contents import CONTENT, files_below


def test_http_file(site: tuple[str, type[Handler]], tmp_path: Path) -> None:
    address, _ = site
    path = fetch(f"{address}/data/a%20b.zip?version=3", tmp_path / "fetched")
    assert path == tmp_path / "fetched" / "a b.zip"
    assert files_below(tmp_path) == {"fetched/a b.zip": CONTENT}


def test_a_broken_connection_is_taken_up(site: tuple[str, type[Handler]], tmp_path: Path) -> None:
    address, handler = site
    handler.breaks = 2
    assert fetch(f"{address}/a.zip", tmp_path / "fetched").read_bytes() == CONTENT
    half, quarter = len(CONTENT) // 2, len(CONTENT) // 4
    assert ranges(handler) == [None, f"bytes={half}-", f"bytes={half + quarter}-"]
    assert files_below(downloads_folder()) == {}


def test_a_broken_connection_starts_again_where_ranges_are_not_known(
    site: tuple[str, type[Handler]], tmp_path: Path
) -> None:
    address, handler = site
    handler.breaks, handler.knows_ranges = 1, False
    assert fetch(f"{address}/a.zip", tmp_path / "fetched").read_bytes() == CONTENT


def test_checksums_are_compared_and_what_is_damaged_is_not_kept(
    site: tuple[str, type[Handler]], tmp_path: Path
) -> None:
    address, handler = site
    right, wrong = hashlib.sha256(CONTENT).hexdigest(), "0" * 64
    with pytest.raises(StorageError, match=f"a.zip: SHA-256 is {right}, expected {wrong}; get"):
        fetch(f"{address}/a.zip", tmp_path / "fetched", wrong)
    assert files_below(tmp_path) == files_below(downloads_folder()) == {}
    assert fetch(f"{address}/a.zip", tmp_path / "fetched", right).read_bytes() == CONTENT
    assert ranges(handler) == [None, None]


def test_a_closed_network_tells_what_to_get_and_what_to_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    sources = ["http://localhost:1/train-v1.1.json", "http://localhost:1/dev%20v1.1.json?a=b"]
    for call in (lambda: collect(sources, tmp_path), lambda: sources_digest(sources)):
        with pytest.raises(StorageError) as raised:
            call()
        head, _, remedy = str(raised.value).partition("); ")
        assert head.startswith("http://localhost:1/train-v1.1.json: cannot be reached (")
        assert remedy == (
            "download all on another machine and give --data DIR, a folder that holds "
            "train-v1.1.json and dev v1.1.json"
        )
    assert files_below(tmp_path) == {}


def test_http_errors_are_told(site: tuple[str, type[Handler]], tmp_path: Path) -> None:
    address, _ = site
    with pytest.raises(StorageError, match="missing.zip: HTTP 404 Not Found; check the address"):
        fetch(f"{address}/missing.zip", tmp_path / "fetched")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    with pytest.raises(StorageError, match="cannot be reached .*refused"):
        fetch(f"http://localhost:{port}/a.zip", tmp_path / "fetched")
    with pytest.raises(StorageError, match="cannot be reached"):
        sources_digest(["https:///a b.zip"])
    assert files_below(tmp_path) == {}


def test_http_digest_follows_the_validators(site: tuple[str, type[Handler]]) -> None:
    address, handler = site
    first = sources_digest([f"{address}/a.zip"])
    assert sources_digest([f"{address}/a.zip"]) == first
    handler.content = b"other"
    assert sources_digest([f"{address}/a.zip"]) != first


def test_a_pinned_file_needs_no_server_to_tell_its_digest() -> None:
    url = ["http://localhost:1/a.zip"]
    assert sources_digest(url, ["0" * 64]) == sources_digest(url, ["0" * 64])
    assert sources_digest(url, ["0" * 64]) != sources_digest(url, ["1" * 64])


def test_a_full_disk_leaves_nothing(site: tuple[str, type[Handler]], tmp_path: Path) -> None:
    address, _ = site
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(CONTENT) // 2, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            fetch(f"{address}/a.zip", tmp_path / "fetched")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files_below(tmp_path) == {}
