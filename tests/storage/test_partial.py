import subprocess
import sys
import time
from pathlib import Path

import pytest

from bertline.errors import StorageError
from bertline.storage import fetch, web
from bertline.storage.partial import downloads_folder
from tests.storage.conftest import Handler, ranges
from tests.storage.contents import CONTENT, files_below


def broken_off(address: str, handler: type[Handler], folder: Path) -> int:
    """Fetches a.zip in vain; the number of bytes that came."""
    handler.breaks = web.ATTEMPTS
    with pytest.raises(StorageError, match="failed 5 times .the connection broke.; .*what came is"):
        fetch(f"{address}/a.zip", folder)
    handler.requests.clear()
    left: int = len(CONTENT) // 2**web.ATTEMPTS
    return len(CONTENT) - left


def test_a_connection_that_always_breaks_leaves_what_came_in_the_cache(
    site: tuple[str, type[Handler]], tmp_path: Path
) -> None:
    address, handler = site
    came = broken_off(address, handler, tmp_path / "fetched")
    assert files_below(tmp_path) == {}
    assert sorted(map(len, files_below(downloads_folder()).values()))[-1] == came
    assert fetch(f"{address}/a.zip", tmp_path / "fetched").read_bytes() == CONTENT
    assert ranges(handler) == [f"bytes={came - 1}-"]
    assert files_below(downloads_folder()) == {}


def test_another_version_and_another_address_start_anew(
    site: tuple[str, type[Handler]], tmp_path: Path
) -> None:
    address, handler = site
    broken_off(address, handler, tmp_path / "fetched")
    assert fetch(f"{address}/b.zip", tmp_path / "other").read_bytes() == CONTENT
    assert ranges(handler) == [None]
    handler.content = b"new"
    assert fetch(f"{address}/a.zip", tmp_path / "fetched").read_bytes() == b"new"


def kill_in_mid_file(url: str, folder: Path, partial_bytes: int) -> None:
    """Fetches in a process of its own, which is killed when so many bytes have come."""
    code = "import sys; from pathlib import Path; from bertline.storage import fetch; "
    command = [sys.executable, "-c", f"{code} fetch(sys.argv[1], Path(sys.argv[2]))"]
    with subprocess.Popen([*command, url, str(folder)]) as process:
        while sum(map(len, files_below(downloads_folder()).values())) < partial_bytes:
            assert process.poll() is None
            time.sleep(0.01)
        with pytest.raises(StorageError, match="another process is fetching it"):
            fetch(url, folder)
        process.kill()


def test_a_killed_download_is_taken_up_by_another_process(
    site: tuple[str, type[Handler]], tmp_path: Path
) -> None:
    address, handler = site
    handler.breaks, handler.stalls = 1, True
    half = len(CONTENT) // 2
    kill_in_mid_file(f"{address}/a.zip", tmp_path / "killed", half)
    assert fetch(f"{address}/a.zip", tmp_path / "fetched").read_bytes() == CONTENT
    assert ranges(handler) == [None, f"bytes={half - 1}-"]


def test_a_file_that_came_whole_before_the_kill_is_not_fetched_again(
    site: tuple[str, type[Handler]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, handler = site
    with monkeypatch.context() as patch:
        patch.setattr("shutil.move", lambda *_: sys.exit("killed"))
        with pytest.raises(SystemExit):
            fetch(f"{address}/a.zip", tmp_path / "fetched")
    assert fetch(f"{address}/a.zip", tmp_path / "fetched").read_bytes() == CONTENT
    assert ranges(handler) == [None, f"bytes={len(CONTENT) - 1}-"]


def test_a_cache_that_cannot_be_written_is_told(
    site: tuple[str, type[Handler]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="bertline/downloads: cannot be written .*XDG_CACHE_H"):
        fetch(f"{site[0]}/a.zip", tmp_path / "fetched")
