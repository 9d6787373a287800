import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from bertline.errors import StorageError
from bertline.storage import bucket
from bertline.storage.bucket import Bucket
from tests.storage.contents import CONTENT
from tests.storage.gcs_server import UNREAD, Cloud

pytestmark = UNREAD

LARGE = CONTENT * 9  # more than 8 MiB, so in chunks: 4, 4 and 1 MiB


@pytest.fixture
def data(cloud: Cloud) -> Iterator[Bucket]:
    with bucket.opened("gs://data/") as (opened, key):
        assert key == ""
        yield opened


def stream(content: bytes) -> io.BytesIO:
    return io.BytesIO(content)


def sent(cloud: Cloud) -> int:
    """How many requests brought parts of the object "large"."""
    return sum(request.startswith("PUT ") for request in cloud.requests)


def test_a_new_object_is_added(cloud: Cloud, data: Bucket) -> None:
    assert data.add("small", stream(b"1"))
    assert data.add("empty", stream(b""))
    assert data.add("large", stream(LARGE))
    assert cloud.objects() == {"small": b"1", "empty": b"", "large": LARGE}
    assert sent(cloud) == 3
    assert [blob.name for blob in data.listed("")] == ["empty", "large", "small"]


@pytest.mark.parametrize(
    ("fault", "times", "parts"),
    [(503, 2, 5), (429, 1, 4), ("cut", 2, 5), ("lost", 1, 4), ("lost", 3, 6)],
)
def test_a_large_upload_comes_through_faults(
    cloud: Cloud, data: Bucket, fault: int | str, times: int, parts: int
) -> None:
    """Each fault costs one chunk; what was persisted before is not sent again."""
    cloud.fail("POST .*/o large", 503)
    cloud.fail("PUT .* large", fault, times)
    assert data.add("large", stream(LARGE))
    assert cloud.objects() == {"large": LARGE}
    assert sent(cloud) == parts


def test_the_lost_answer_to_the_last_chunk(cloud: Cloud, data: Bucket) -> None:
    cloud.fail("PUT .* large", "none", times=2)
    cloud.fail("PUT .* large", "lost")
    assert data.add("large", stream(LARGE))
    assert cloud.objects() == {"large": LARGE}


@pytest.mark.parametrize("fault", [503, "cut", "lost"])
def test_a_small_upload_comes_through_faults(cloud: Cloud, data: Bucket, fault: int | str) -> None:
    cloud.fail("POST .* small", fault, times=2)
    assert data.add("small", stream(CONTENT))
    assert cloud.objects() == {"small": CONTENT}


@pytest.mark.parametrize("content", [b"1", LARGE])
def test_an_object_that_is_there_is_never_changed(
    cloud: Cloud, data: Bucket, content: bytes
) -> None:
    assert data.add("a", stream(content))
    generation = cloud.generation("a")
    assert data.add("a", stream(content))
    assert not data.add("a", stream(b"other"))
    assert not data.add("a", stream(LARGE[1:]))
    assert cloud.generation("a") == generation
    assert cloud.objects() == {"a": content}


def test_of_two_sessions_for_one_object_the_first_to_end_wins(cloud: Cloud, data: Bucket) -> None:
    """The precondition is checked again at the end of a session."""

    class Interrupted(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() == 2 * bucket.CHUNK_BYTES and not cloud.objects():
                cloud.put(large=b"first")
            return super().read(size)

    assert not data.add("large", Interrupted(LARGE))
    assert cloud.objects() == {"large": b"first"}


@pytest.mark.parametrize(("name", "content"), [("small", b"12"), ("large", LARGE)])
def test_what_is_damaged_on_the_way_up_does_not_stay(
    cloud: Cloud, name: str, content: bytes
) -> None:
    cloud.fail("PUT .* large", "corrupt")
    cloud.fail("POST .* small", 400, message="Provided CRC32C doesn't match calculated CRC32C")
    with (
        pytest.raises(StorageError, match="came damaged|refused .HTTP 400 .*CRC32C"),
        bucket.opened("gs://data/") as (opened, _),
    ):
        opened.add(name, stream(content))
    assert cloud.objects() == {}


def test_an_object_is_read_with_its_generation(cloud: Cloud, data: Bucket) -> None:
    assert data.read("a") is None
    cloud.put(a=b"1")
    cloud.fail("GET .*/a$", 503)
    cloud.fail("GET .*/a$", "cut")
    assert data.read("a") == (b"1", cloud.generation("a"))


def test_only_the_generation_that_was_seen_is_replaced(cloud: Cloud, data: Bucket) -> None:
    assert data.replace("a", b"1", generation=0)
    assert not data.replace("a", b"2", generation=0)
    first = cloud.generation("a")
    assert data.replace("a", b"2", generation=first)
    assert not data.replace("a", b"3", generation=first)
    assert cloud.objects() == {"a": b"2"}


def test_a_lost_answer_leaves_a_replacement_to_be_looked_at(cloud: Cloud, data: Bucket) -> None:
    cloud.fail("POST .* a", "lost")
    assert not data.replace("a", b"1", generation=0)
    assert data.read("a") == (b"1", cloud.generation("a"))


def test_the_checksum_is_crc_32c_of_the_rest(tmp_path: Path) -> None:
    # https://datatracker.ietf.org/doc/html/rfc3720#appendix-B.4: 32 bytes of zeros are aa 36 91 8a
    content = stream(b"x" + bytes(32))
    content.read(1)
    assert bucket.crc32c(content) == "ipE2qg=="
