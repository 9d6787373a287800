import pytest

from bertline.errors import StorageError
from bertline.versions import read_version


@pytest.mark.parametrize(("content", "number"), [(b"3\n", 3), (b" 120", 120)])
def test_a_number_is_read(content: bytes, number: int) -> None:
    assert read_version(content, "latest") == number


@pytest.mark.parametrize(
    "content",
    [b"", b"0\n", b"-1", b"+1", b"1_0", b"../../up", b"/etc", b"1\n2\n", b"\xd9\xa3", b"9" * 5000],
)
def test_what_is_no_number_leads_nowhere(content: bytes) -> None:
    with pytest.raises(StorageError, match=r"^a/latest: .* is no version's number; write one"):
        read_version(content, "a/latest")
