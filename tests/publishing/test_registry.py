import threading
from pathlib import Path

import pytest

from bertline.errors import ConfigError, DataError, StorageError
from bertline.publishing import registry
from bertline.publishing.bucket import BucketShelf
from bertline.publishing.folder import FolderShelf
from bertline.publishing.registry import (
    add_version,
    find_version,
    model_address,
    read_latest,
    roll_back,
    versions,
    withdrawn,
)
from bertline.storage.bucket import opened
from tests.storage.gcs_server import Cloud


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


@pytest.fixture
def three(model: Path | str) -> Path | str:
    """A model with three versions."""
    for source in ("aaa", "bbb", "ccc"):
        add_version(model, source, fill)
    return model


def test_a_roll_back_moves_latest_and_keeps_every_version(three: Path | str) -> None:
    assert roll_back(three) == 2
    assert (read_latest(three), withdrawn(three)) == (2, {3})
    assert roll_back(three) == 1
    assert (read_latest(three), withdrawn(three)) == (1, {2, 3})
    assert versions(three) == [1, 2, 3]
    with pytest.raises(ConfigError, match="no version before the latest"):
        roll_back(three)
    assert read_latest(three) == 1


def test_publishing_goes_on_from_the_next_number(three: Path | str) -> None:
    roll_back(three, 1)
    assert add_version(three, "ddd", fill) == 4
    assert (read_latest(three), withdrawn(three)) == (4, {2, 3})
    assert roll_back(three) == 1


def test_what_was_rolled_back_stays_so(three: Path | str) -> None:
    roll_back(three)
    assert add_version(three, "ccc", fill) == 3
    assert add_version(three, "aaa", fill) == 1
    assert (read_latest(three), withdrawn(three)) == (2, {3})


def test_a_roll_back_can_be_taken_back(three: Path | str) -> None:
    roll_back(three, 1)
    assert roll_back(three, 3) == 3
    assert (read_latest(three), withdrawn(three)) == (3, {2})
    assert roll_back(three) == 1
    assert roll_back(three, 3) == 3
    assert roll_back(three, 2) == 2
    assert (read_latest(three), withdrawn(three)) == (2, {3})


def test_a_killed_roll_back_is_ended_by_the_next(
    three: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        for shelf in (FolderShelf, BucketShelf):
            patch.setattr(shelf, "move_latest", killed)
        with pytest.raises(KeyboardInterrupt):
            roll_back(three)
    assert (read_latest(three), withdrawn(three)) == (3, {3})
    assert roll_back(three) == 2
    assert (read_latest(three), withdrawn(three)) == (2, {3})


@pytest.mark.parametrize("to", [0, 4, -1])
def test_a_version_that_is_not_there_changes_nothing(three: Path | str, to: int) -> None:
    with pytest.raises(ConfigError, match=f"no version {to}; there are: 1, 2, 3"):
        roll_back(three, to)
    assert (read_latest(three), withdrawn(three)) == (3, set())


def test_a_model_that_is_not_there_has_nothing_to_go_back_to(model: Path | str) -> None:
    with pytest.raises(ConfigError, match="snips: no model of that name in the registry; check"):
        roll_back(model)
    with pytest.raises(ConfigError, match="snips: no model of that name in the registry; check"):
        roll_back(model, 1)
    assert (versions(model), withdrawn(model)) == ([], set())


def test_a_publisher_and_a_roll_back_at_once_agree(three: Path | str) -> None:
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


def test_a_registry_is_a_folder_or_a_bucket() -> None:
    with pytest.raises(StorageError, match="https://host/a: a registry is a folder or at gs://"):
        versions("https://host/a")


@pytest.mark.parametrize(
    ("place", "address"),
    [
        (Path("runs/registry"), "runs/registry/snips"),
        ("runs/registry/", "runs/registry/snips"),
        ("gs://data/registry/", "gs://data/registry/snips"),
        ("gs://data", "gs://data/snips"),
    ],
)
def test_where_a_model_is(place: Path | str, address: str) -> None:
    assert model_address(place, "snips") == address


def test_one_source_is_one_version_even_in_a_race(tmp_path: Path) -> None:
    model = tmp_path / "snips"
    barrier = threading.Barrier(4)
    numbers: list[int] = []

    def wait_and_fill(folder: Path) -> None:
        fill(folder)
        barrier.wait(timeout=60)

    def publish() -> None:
        numbers.append(add_version(model, "aaa", wait_and_fill))

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (numbers, versions(model)) == ([1, 1, 1, 1], [1])


def test_a_publisher_that_read_before_a_roll_back_does_not_undo_it(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 3 is there, `latest` still says 2: whoever wants to move it is late."""
    model = "gs://data/registry/snips"
    for source in ("aaa", "bbb"):
        add_version(model, source, fill)
    with opened(model) as (bucket, key):
        shelf = BucketShelf(bucket, key)
        seen = shelf.latest()
        with monkeypatch.context() as patch:
            patch.setattr(registry, "_settle", lambda *arguments: None)
            add_version(model, "ccc", fill)
        assert read_latest(model) == 2
        roll_back(model, 2)
        shelf.move_latest(3, seen)
    assert (read_latest(model), withdrawn(model)) == (2, {3})


def test_a_version_in_a_bucket_that_lacks_a_file_is_named(cloud: Cloud) -> None:
    model = "gs://data/registry/snips"
    add_version(model, "aaa", fill)
    with opened(model) as (bucket, key):
        bucket._bucket.blob(f"{key}/1/model.json").delete()
    with pytest.raises(DataError, match=r"snips/1/model.json: missing; bring back a whole copy"):
        add_version(model, "aaa", fill)
