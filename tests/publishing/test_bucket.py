import json
import re
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from bertline.artifacts import read_manifest
from bertline.errors import StorageError
from bertline.publishing.registry import (
    add_version,
    find_version,
    read_latest,
    roll_back,
    versions,
    withdrawn,
)
from bertline.storage import bucket, fetch
from tests.storage.contents import CONTENT, files_below
from tests.storage.gcs_server import UNREAD, Cloud

pytestmark = UNREAD

MODEL = "gs://data/registry/snips"
FILES = {
    "exports.json": b"{}",
    "model.bin": CONTENT,
    "model.xml": b"<net/>",
    "saved_model.pb": b"graph",
    "variables/variables.data-0": CONTENT * 9,
}


def fill(folder: Path) -> None:
    (folder / "variables").mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)


def fill_otherwise(folder: Path) -> None:
    (folder / "model.json").write_text("other")


def names(cloud: Cloud) -> list[str]:
    return [name.removeprefix("registry/snips/") for name in cloud.objects()]


def check_whole(version: int, source: str, folder: Path) -> None:
    """Compares all files of a version with what its manifest says."""
    path = fetch(f"{MODEL}/{version}", folder)
    manifest = read_manifest(path, "exported")
    assert manifest.about == {"source": source}
    found = files_below(path)
    assert {name: found[name] for name in FILES} == FILES
    assert found.keys() == {*FILES, "manifest.json"} == {*manifest.files, "manifest.json"}


def test_a_version_is_there_with_its_manifest_and_that_comes_last(
    cloud: Cloud, tmp_path: Path
) -> None:
    assert add_version(MODEL, "aaa", fill) == 1
    check_whole(1, "aaa", tmp_path)
    assert names(cloud) == sorted([*(f"1/{name}" for name in FILES), "1/manifest.json",
                                   ".claims/1", "latest"])  # fmt: skip
    assert cloud.objects()["registry/snips/latest"] == b"1\n"
    begun = [
        name for r in cloud.requests for name in re.findall(r"POST \S+ registry/snips/(.+)", r)
    ]
    assert begun == [
        ".claims/1",
        "1/variables/variables.data-0",
        "1/exports.json",
        "1/model.bin",
        "1/model.xml",
        "1/saved_model.pb",
        "1/manifest.json",
        "latest",
    ]


def test_a_version_comes_through_faults(cloud: Cloud, tmp_path: Path) -> None:
    for pattern in ("claims/1", "model.bin", "manifest", "latest", "POST .*data-0", "PUT .*data-0"):
        cloud.fail(pattern, 503)
        cloud.fail(pattern, "cut")
        cloud.fail(pattern, "lost")
    assert add_version(MODEL, "aaa", fill) == 1
    check_whole(1, "aaa", tmp_path)
    assert read_latest(MODEL) == 1


PLACES = ("claims/2", "POST .*data-0", "PUT .*data-0", "model.bin", "POST .*manifest")


@pytest.mark.parametrize("place", PLACES)
def test_an_interrupted_publisher_leaves_nothing_to_be_seen_and_is_completed(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    assert add_version(MODEL, "first", fill) == 1
    interrupted(cloud, monkeypatch, place)
    assert (versions(MODEL), read_latest(MODEL), find_version(MODEL, "aaa")) == ([1], 1, None)
    assert add_version(MODEL, "aaa", fill) == 2
    check_whole(2, "aaa", tmp_path)
    assert (versions(MODEL), read_latest(MODEL)) == ([1, 2], 2)


def test_a_publisher_that_did_not_come_to_latest(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert add_version(MODEL, "first", fill) == 1
    interrupted(cloud, monkeypatch, "POST .*/latest")
    assert (versions(MODEL), read_latest(MODEL)) == ([1, 2], 1)
    assert add_version(MODEL, "aaa", fill) == 2
    assert read_latest(MODEL) == 2


def test_a_killed_publisher(cloud: Cloud) -> None:
    cloud.fail("POST .*/manifest", "silent")
    with publisher("a", 1) as process:
        while not any("POST" in request and "manifest" in request for request in cloud.requests):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert (versions(MODEL), read_latest(MODEL)) == ([], None)
    with publisher("a", 1) as process:
        assert json.loads(process.communicate(timeout=60)[0]) == [1]
    assert (versions(MODEL), read_latest(MODEL)) == ([1], 1)


def interrupted(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, place: str = "POST .*manifest"
) -> None:
    """Publishes "aaa" until a request fails."""
    with monkeypatch.context() as patch:
        patch.setattr(bucket, "RETRY_SECONDS", 0.0)
        cloud.fail(place, 503)
        with pytest.raises(StorageError, match=f"{MODEL}: no answer"):
            add_version(MODEL, "aaa", fill)


def test_what_was_left_is_not_mixed_with_another_version(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(cloud, monkeypatch)
    assert add_version(MODEL, "aaa", fill_otherwise) == 2
    assert (versions(MODEL), read_latest(MODEL)) == ([2], 2)


def test_a_number_below_the_highest_is_not_taken_up_again(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(cloud, monkeypatch)
    assert add_version(MODEL, "bbb", fill) == 2
    assert add_version(MODEL, "aaa", fill) == 3
    check_whole(3, "aaa", tmp_path)
    assert (versions(MODEL), read_latest(MODEL)) == ([2, 3], 3)


def test_numbers_sort_as_numbers_and_other_objects_are_left_alone(cloud: Cloud) -> None:
    cloud.put(**{f"registry/snips/{name}": b"{}" for name in ("9/a", "10/b", "notes", "1.5/c")})
    assert versions(MODEL) == []
    assert add_version(MODEL, "aaa", fill) == 11
    assert versions(MODEL) == [11]


def test_another_file_in_the_place_of_one_of_ours_is_told(cloud: Cloud) -> None:
    def write() -> None:
        cloud.put(**{"registry/snips/1/exports.json": b"foreign"})

    cloud.fail("POST .*exports.json", "late", first=write)
    message = f"{MODEL}/1/exports.json: there is another file; remove it and publish again"
    with pytest.raises(StorageError, match=message):
        add_version(MODEL, "aaa", fill)
    assert versions(MODEL) == []


@pytest.mark.parametrize("moment", ["claims/1$", "/1/manifest.json$", "snips/latest$"])
def test_another_publisher_at_the_worst_moment(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    said = latest_history(cloud, monkeypatch)
    others: list[int] = []
    cloud.fail(
        f"POST .*{moment}", "late", first=lambda: others.append(add_version(MODEL, "bbb", fill))
    )
    own = add_version(MODEL, "aaa", fill)
    assert (own, others) == ((2, [1]) if "claims" in moment else (1, [2]))
    check_whole(own, "aaa", tmp_path / "own")
    check_whole(others[0], "bbb", tmp_path / "other")
    assert said == ([1, 2] if "claims" in moment else [2])


def latest_history(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """All that `latest` will have said."""
    said: list[int] = []
    create = cloud.storage.create_file

    def create_file(bucket: str, name: str, content: bytes, *others: object) -> None:
        create(bucket, name, content, *others)
        if name.endswith("/latest"):
            said.append(int(content))

    monkeypatch.setattr(cloud.storage, "create_file", create_file)
    return said


def test_latest_is_mended_and_a_damaged_one_is_told(cloud: Cloud) -> None:
    add_version(MODEL, "aaa", fill_otherwise)
    cloud.put(**{"registry/snips/latest": b"two"})
    message = f"{MODEL}/latest: b'two' is no version's number"
    with pytest.raises(StorageError, match=message):
        add_version(MODEL, "aaa", fill_otherwise)
    cloud.storage.delete_file("data", "registry/snips/latest")
    assert add_version(MODEL, "aaa", fill_otherwise) == 1
    assert read_latest(MODEL) == 1


def test_a_roll_back_comes_through_faults(cloud: Cloud) -> None:
    for source in ("aaa", "bbb"):
        add_version(MODEL, source, fill_otherwise)
    for kind in (503, "cut", "lost"):
        cloud.fail("POST .*/withdrawn", kind)
        cloud.fail("POST .*/latest", kind)
    assert roll_back(MODEL) == 1
    objects = cloud.objects()
    assert objects["registry/snips/withdrawn"] == b"2\n"
    assert objects["registry/snips/latest"] == b"1\n"


def test_roll_backs_at_once_lose_nothing(cloud: Cloud) -> None:
    for source in ("aaa", "bbb", "ccc", "ddd"):
        add_version(MODEL, source, fill_otherwise)
    others: list[int] = []

    def another() -> None:
        others.extend(roll_back(MODEL, to) for to in (1, 4))
        assert withdrawn(MODEL) == {2, 3}

    cloud.fail("POST .*snips/withdrawn$", "late", first=another)
    assert roll_back(MODEL, 3) == 3
    assert others == [1, 4]
    assert (read_latest(MODEL), withdrawn(MODEL)) == (3, {2, 4})


def test_a_roll_back_at_a_publishers_worst_moment(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for source in ("aaa", "bbb"):
        add_version(MODEL, source, fill_otherwise)
    said = latest_history(cloud, monkeypatch)
    cloud.fail("POST .*snips/latest$", "late", first=lambda: roll_back(MODEL, 1))
    assert add_version(MODEL, "ccc", fill_otherwise) == 3
    assert said == [1]
    assert (read_latest(MODEL), withdrawn(MODEL)) == (1, {2, 3})


def test_a_damaged_withdrawn_is_told(cloud: Cloud) -> None:
    cloud.put(**{"registry/snips/withdrawn": b"two"})
    message = f"{MODEL}/withdrawn: b'two' is no list of versions' numbers"
    with pytest.raises(StorageError, match=message):
        withdrawn(MODEL)


PUBLISH = """
import sys, json
from pathlib import Path
from bertline.publishing.registry import add_version

def fill(folder):
    (folder / "model.json").write_text(sys.argv[1] * 1000)

numbers = [add_version(sys.argv[2], f"{sys.argv[1]} {n}", fill) for n in range(int(sys.argv[3]))]
print(json.dumps(numbers))
"""


def publisher(name: str, count: int) -> subprocess.Popen[str]:
    """A process that publishes `count` versions one after the other and prints their numbers."""
    command = [sys.executable, "-c", PUBLISH, name, MODEL, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_race(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both claim number 1 at the same moment, and then write the first `latest` at the same."""
    each = 3
    said = latest_history(cloud, monkeypatch)
    for moment in ("POST .*claims/1$", "POST .*snips/latest$"):
        cloud.fail(moment, "late", times=2, first=partial(threading.Barrier(2).wait, timeout=60))
    with publisher("a", each) as first, publisher("b", each) as second:
        taken = [json.loads(process.communicate(timeout=120)[0]) for process in (first, second)]
    assert sorted(taken[0] + taken[1]) == versions(MODEL) == list(range(1, 2 * each + 1))
    assert said == sorted(set(said))
    assert said[-1] == read_latest(MODEL) == 2 * each
    for name, numbers in zip("ab", taken, strict=True):
        for n, number in enumerate(numbers):
            path = fetch(f"{MODEL}/{number}", tmp_path / str(number))
            assert read_manifest(path, "exported").about == {"source": f"{name} {n}"}
            assert (path / "model.json").read_text() == name * 1000
