import threading
from pathlib import Path

import pytest

from bertline.errors import StorageError
from bertline.publishing.registry import add_version, find_version, read_latest, versions


@pytest.fixture(params=["folder", "gs"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """The place of a model's versions that is not there yet."""
    if request.param == "folder":
        return tmp_path / "registry/snips"
    request.getfixturevalue("cloud")
    return "gs://data/registry/snips"


def fill(folder: Path) -> None:
    (folder / "model.json").write_text("{}")


def test_versions_count_from_one_and_latest_follows(model: Path | str) -> None:
    assert (versions(model), read_latest(model)) == ([], None)
    assert add_version(model, "aaa", fill) == 1
    assert read_latest(model) == 1
    assert add_version(model, "bbb", fill) == 2
    assert read_latest(model) == 2
    assert versions(model) == [1, 2]


def test_the_same_source_is_added_once(model: Path | str) -> None:
    add_version(model, "aaa", fill)
    add_version(model, "bbb", fill)
    assert add_version(model, "aaa", fill) == 1
    assert versions(model) == [1, 2]
    assert read_latest(model) == 2
    assert find_version(model, "bbb") == 2
    assert find_version(model, "ccc") is None


def test_a_failure_leaves_the_number_free(model: Path | str) -> None:
    def fail(folder: Path) -> None:
        fill(folder)
        raise OSError(28, "No space left on device")

    add_version(model, "aaa", fill)
    with pytest.raises(OSError, match="No space left"):
        add_version(model, "bbb", fail)
    assert (versions(model), read_latest(model)) == ([1], 1)
    assert add_version(model, "ccc", fill) == 2


def test_publishers_at_once_take_different_numbers(model: Path | str) -> None:
    count = 8
    barrier = threading.Barrier(count)
    numbers: list[int] = []

    def publish(source: str) -> None:
        def wait_and_fill(folder: Path) -> None:
            fill(folder)
            barrier.wait(timeout=60)

        numbers.append(add_version(model, source, wait_and_fill))

    threads = [threading.Thread(target=publish, args=(f"source {n}",)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == versions(model) == list(range(1, count + 1))
    assert read_latest(model) == count
    sources = {find_version(model, f"source {n}") for n in range(count)}
    assert sources == set(range(1, count + 1))


def test_a_registry_is_a_folder_or_a_bucket() -> None:
    with pytest.raises(StorageError, match="https://host/a: a registry is a folder or at gs://"):
        versions("https://host/a")
