from pathlib import Path

import pytest

from bertline.artifacts import read_manifest
from bertline.errors import ConfigError, StorageError
from bertline.publishing.registry import add_version, read_latest, roll_back, versions, withdrawn


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
