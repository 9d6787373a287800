import threading
from pathlib import Path

import pytest

from bertline.artifacts import read_manifest
from bertline.errors import ConfigError, StorageError
from bertline.publishing.registry import (
    add_version,
    find_version,
    read_latest,
    roll_back,
    versions,
    withdrawn,
)


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


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A model with three versions."""
    for source in ("aaa", "bbb", "ccc"):
        add_version(tmp_path, source, fill)
    return tmp_path


def test_a_roll_back_moves_latest_and_keeps_every_version(three: Path) -> None:
    assert roll_back(three) == 2
    assert (read_latest(three), withdrawn(three)) == (2, {3})
    assert roll_back(three) == 1
    assert (read_latest(three), withdrawn(three)) == (1, {2, 3})
    assert versions(three) == [1, 2, 3]
    with pytest.raises(ConfigError, match="no version before the latest"):
        roll_back(three)
    assert read_latest(three) == 1


def test_publishing_goes_on_from_the_next_number(three: Path) -> None:
    roll_back(three, 1)
    assert add_version(three, "ddd", fill) == 4
    assert (read_latest(three), withdrawn(three)) == (4, {2, 3})
    assert roll_back(three) == 1


def test_what_was_rolled_back_stays_so(three: Path) -> None:
    roll_back(three)
    assert add_version(three, "ccc", fill) == 3
    assert add_version(three, "aaa", fill) == 1
    assert (read_latest(three), withdrawn(three)) == (2, {3})


def test_a_roll_back_can_be_taken_back(three: Path) -> None:
    roll_back(three, 1)
    assert roll_back(three, 3) == 3
    assert (read_latest(three), withdrawn(three)) == (3, {2})
    assert roll_back(three) == 1


@pytest.mark.parametrize("to", [0, 4, -1])
def test_a_version_that_is_not_there_changes_nothing(three: Path, to: int) -> None:
    with pytest.raises(ConfigError, match=f"no version {to}; there are: 1, 2, 3"):
        roll_back(three, to)
    assert (read_latest(three), withdrawn(three)) == (3, set())


def test_a_model_that_is_not_there_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no version before the latest; publish another"):
        roll_back(tmp_path / "snips")
    with pytest.raises(ConfigError, match="no version 1; there are: none"):
        roll_back(tmp_path / "snips", 1)
    assert not (tmp_path / "snips").exists()


def test_a_publisher_and_a_roll_back_at_once_agree(three: Path) -> None:
    barrier = threading.Barrier(2)

    def wait_and_fill(folder: Path) -> None:
        fill(folder)
        barrier.wait(timeout=30)

    publisher = threading.Thread(target=add_version, args=(three, "ddd", wait_and_fill))
    publisher.start()
    barrier.wait(timeout=30)
    roll_back(three, 1)
    publisher.join()
    assert read_latest(three) == max({1, 2, 3, 4} - withdrawn(three))
