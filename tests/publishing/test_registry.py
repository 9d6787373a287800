import threading
from pathlib import Path

import pytest

from bertline.artifacts import read_manifest
from bertline.errors import StorageError
from bertline.publishing.registry import add_version, find_version, read_latest, versions


def fill(folder: Path) -> None:
    (folder / "model.json").write_text("{}")


def test_versions_count_from_one_and_latest_follows(tmp_path: Path) -> None:
    model = tmp_path / "registry/snips"
    assert (versions(model), read_latest(model)) == ([], None)
    assert add_version(model, "aaa", fill) == 1
    assert (model / "latest").read_text() == "1\n"
    assert add_version(model, "bbb", fill) == 2
    assert read_latest(model) == 2
    assert sorted(entry.name for entry in model.iterdir()) == ["1", "2", "latest"]
    assert read_manifest(model / "2", "exported").about == {"source": "bbb"}


def test_the_same_source_is_added_once(tmp_path: Path) -> None:
    add_version(tmp_path, "aaa", fill)
    add_version(tmp_path, "bbb", fill)
    assert add_version(tmp_path, "aaa", fill) == 1
    assert versions(tmp_path) == [1, 2]
    assert read_latest(tmp_path) == 2
    assert find_version(tmp_path, "ccc") is None


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
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["1", "latest"]


def test_latest_is_mended_after_a_kill_between_move_and_latest(tmp_path: Path) -> None:
    add_version(tmp_path, "aaa", fill)
    (tmp_path / "latest").unlink()
    assert add_version(tmp_path, "aaa", fill) == 1
    assert read_latest(tmp_path) == 1


def test_publishers_at_once_take_different_numbers(tmp_path: Path) -> None:
    count = 8
    barrier = threading.Barrier(count)
    numbers: list[int] = []

    def publish(source: str) -> None:
        def wait_and_fill(folder: Path) -> None:
            fill(folder)
            barrier.wait(timeout=30)

        numbers.append(add_version(tmp_path, source, wait_and_fill))

    threads = [threading.Thread(target=publish, args=(f"source {n}",)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, count + 1))
    assert read_latest(tmp_path) == count
    sources = {find_version(tmp_path, f"source {n}") for n in range(count)}
    assert sources == set(range(1, count + 1))


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
    assert list(tmp_path.iterdir()) == []
