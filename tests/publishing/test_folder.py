import errno
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bertline.artifacts import read_manifest
from bertline.errors import ConfigError, DataError, StorageError
from bertline.integrity import verify
from bertline.leftovers import held_folder
from bertline.locks import exclusive
from bertline.publishing import folder as folder_module
from bertline.publishing.folder import FolderShelf
from bertline.publishing.registry import add_version, read_latest, roll_back, versions, withdrawn
from tests.conftest import ROOT


def fill(folder: Path) -> None:
    (folder / "model.json").write_text("{}")


def test_a_version_is_a_folder_beside_the_others(tmp_path: Path) -> None:
    model = tmp_path / "registry/snips"
    for source in ("aaa", "bbb"):
        add_version(model, source, fill)
    assert sorted(entry.name for entry in model.iterdir()) == [".lock", "1", "2", "latest"]
    assert (model / "latest").read_text() == "2\n"
    assert read_manifest(model / "2", "exported").about == {"source": "bbb"}


def test_a_path_may_be_text(tmp_path: Path) -> None:
    assert add_version(str(tmp_path / "snips"), "aaa", fill) == 1
    assert versions(tmp_path / "snips") == [1]


def test_numbers_sort_as_numbers_and_other_entries_are_left_alone(tmp_path: Path) -> None:
    for name in ("2", "10", "notes", "1.5"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    assert versions(tmp_path) == [2, 10]
    assert add_version(tmp_path, "aaa", fill) == 11


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        fill(folder)
        raise OSError(28, "No space left on device")

    add_version(tmp_path, "aaa", fill)
    with pytest.raises(OSError, match="No space left"):
        add_version(tmp_path, "bbb", fail)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".lock", "1", "latest"]


def test_latest_is_mended_after_a_kill_between_move_and_latest(tmp_path: Path) -> None:
    add_version(tmp_path, "aaa", fill)
    (tmp_path / "latest").unlink()
    assert add_version(tmp_path, "aaa", fill) == 1
    assert read_latest(tmp_path) == 1


def test_a_damaged_latest_is_told(tmp_path: Path) -> None:
    (tmp_path / "latest").write_text("two\n")
    message = r"latest: b'two\\n' is no version's number; write one into it"
    with pytest.raises(StorageError, match=message):
        read_latest(tmp_path)


def test_withdrawn_is_a_file_with_a_number_a_line(tmp_path: Path) -> None:
    for source in ("aaa", "bbb", "ccc"):
        add_version(tmp_path, source, fill)
    roll_back(tmp_path, 1)
    assert (tmp_path / "withdrawn").read_text() == "2\n3\n"
    assert (tmp_path / "latest").read_text() == "1\n"
    roll_back(tmp_path, 3)
    assert (tmp_path / "withdrawn").read_text() == "2\n"
    roll_back(tmp_path, 2)
    roll_back(tmp_path, 3)
    assert (tmp_path / "withdrawn").read_text() == ""
    assert withdrawn(tmp_path) == set()


def test_a_damaged_withdrawn_is_told(tmp_path: Path) -> None:
    add_version(tmp_path, "aaa", fill)
    (tmp_path / "withdrawn").write_text("2\ntwo\n")
    message = r"withdrawn: b'2\\ntwo\\n' is no list of versions' numbers; write them into it"
    with pytest.raises(StorageError, match=message):
        withdrawn(tmp_path)


def test_where_all_versions_are_withdrawn_that_is_told(tmp_path: Path) -> None:
    add_version(tmp_path, "aaa", fill)
    (tmp_path / "withdrawn").write_text("1\n")
    with pytest.raises(StorageError, match="all versions are withdrawn; roll back to one of them"):
        add_version(tmp_path, "aaa", fill)
    assert roll_back(tmp_path, 1) == 1
    assert withdrawn(tmp_path) == set()
    (tmp_path / "withdrawn").write_text("1\n")
    assert add_version(tmp_path, "bbb", fill) == read_latest(tmp_path) == 2


def test_nothing_is_made_where_there_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no model of that name"):
        roll_back(tmp_path / "snips")
    assert list(tmp_path.iterdir()) == []


def test_other_failures_of_the_move_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if Path(target).name == "1":
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(StorageError, match=r"cannot be written \(Permission denied\)"):
        add_version(tmp_path, "aaa", fill)
    assert [entry.name for entry in tmp_path.iterdir()] == [".lock"]


def test_a_damaged_version_is_named_and_not_published_again(tmp_path: Path) -> None:
    add_version(tmp_path, "aaa", fill)
    (tmp_path / "1/model.json").write_text("[]")
    message = "1/model.json: damaged .*; bring back a whole copy of version 1, or remove its folder"
    with pytest.raises(DataError, match=message):
        add_version(tmp_path, "aaa", fill)
    assert versions(tmp_path) == [1]
    manifest = tmp_path / "1/manifest.json"
    manifest.write_text(manifest.read_text().replace("aaa", "abc"))
    message = "1/manifest.json: damaged .*; bring back a whole copy of version 1"
    with pytest.raises(DataError, match=message):
        add_version(tmp_path, "bbb", fill)


def test_what_was_read_before_does_not_move_latest_back(tmp_path: Path) -> None:
    shelf = FolderShelf(tmp_path)
    add_version(tmp_path, "aaa", fill)
    seen = shelf.latest()
    add_version(tmp_path, "bbb", fill)
    shelf.move_latest(1, seen)
    assert read_latest(tmp_path) == 2
    gone = shelf.withdrawn()
    roll_back(tmp_path)
    assert not shelf.withdraw(set(), gone)
    assert withdrawn(tmp_path) == {2}


def test_who_changes_latest_waits_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "LOCK_SECONDS", 0.1)
    add_version(tmp_path, "aaa", fill)
    message = "another process has been changing it for 0 s; try again when that has ended"
    with exclusive(tmp_path / ".lock", 0.0), pytest.raises(StorageError, match=message):
        add_version(tmp_path, "bbb", fill)
    assert (versions(tmp_path), read_latest(tmp_path)) == ([1], 1)


def test_a_full_disk_between_version_and_latest_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "latest"))

    with monkeypatch.context() as patch:
        patch.setattr(folder_module, "write_text", full)
        message = r"version 1 is there, but latest could not be written \(No space left on device\)"
        with pytest.raises(StorageError, match=message):
            add_version(tmp_path, "aaa", fill)
    assert (versions(tmp_path), read_latest(tmp_path)) == ([1], None)
    assert add_version(tmp_path, "aaa", fill) == read_latest(tmp_path) == 1


def test_what_killed_publishers_left_goes(tmp_path: Path) -> None:
    add_version(tmp_path, "aaa", fill)
    with held_folder(tmp_path, "staging") as live:
        left = tmp_path / f"{live.name[: -len('00000000.tmp')]}00000000.tmp"
        left.mkdir()
        add_version(tmp_path, "bbb", fill)
        assert live.is_dir()
        assert not left.exists()


PUBLISHER = """
import sys
from pathlib import Path
from bertline.publishing.registry import add_version
for number in range(3):
    add_version(Path(sys.argv[1]), f"{sys.argv[2]} {number}", lambda folder: (folder / "a").touch())
"""


def test_publishers_of_several_processes_never_move_latest_back(tmp_path: Path) -> None:
    add_version(tmp_path, "first", fill)
    command = [sys.executable, "-c", PUBLISHER, str(tmp_path)]
    publishers = [subprocess.Popen([*command, str(name)], cwd=ROOT) for name in range(3)]
    seen = [1]
    while any(publisher.poll() is None for publisher in publishers):
        seen.append(int((tmp_path / "latest").read_text()))
    assert seen == sorted(seen)
    assert [publisher.returncode for publisher in publishers] == [0, 0, 0]
    assert versions(tmp_path) == list(range(1, 11))
    assert read_latest(tmp_path) == 10


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.3])
def test_after_a_killed_publisher_the_next_one_mends(tmp_path: Path, delay_s: float) -> None:
    add_version(tmp_path, "first", fill)
    publisher = subprocess.Popen(
        [sys.executable, "-c", PUBLISHER.replace("range(3)", "range(10**6)"), str(tmp_path), "x"],
        cwd=ROOT,
    )
    while not (tmp_path / "2").exists():
        assert publisher.poll() is None
    time.sleep(delay_s)
    publisher.kill()
    publisher.wait()
    known = versions(tmp_path)
    assert read_latest(tmp_path) in known[-2:]
    assert add_version(tmp_path, "last", fill) == read_latest(tmp_path) == known[-1] + 1
    for version in versions(tmp_path):
        verify(tmp_path / str(version), "exported")
    assert [path for path in tmp_path.iterdir() if path.suffix == ".tmp"] == []
