import pytest

from bertline.addresses import without_secrets
from bertline.errors import StorageError, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://host/a.zip: HTTP 404", "https://host/a.zip: HTTP 404"),
        ("https://u:p@host/a.zip: no", "https://…@host/a.zip: no"),
        ("https://token@host:8080/a", "https://…@host:8080/a"),
        ("https://u:p@ss@host/a", "https://…@host/a"),
        ("https://h/a?X-Goog-Signature=1&b=2: x", "https://h/a?…: x"),
        ("(https://h/a?sig=1), 'https://h?t=2'; c", "(https://h/a?…), 'https://h?…'; c"),
        ("from https://h/a#token=1 to gs://b/c?d", "from https://h/a?… to gs://b/c?…"),
        ("[https://h/a?sig=a:b;c,d)e]", "[https://h/a?…]"),
        ("https://h/a?b c&X-Amz-Signature=1: x", "https://h/a?… c&X-Amz-Signature=… x"),
        ("refused (sig=1&token=2)", "refused (sig=…&token=…)"),
        ("key 'token' = 'x', num_tokens=5", "key 'token' = 'x', num_tokens=5"),
        ("which? user@host, a?b=c", "which? user@host, a?b=c"),
    ],
)
def test_addresses_are_shown_without_secrets(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
    assert str(StorageError(text)) == shown


def test_somebody_elses_message_is_one_printable_line() -> None:
    assert one_line(ValueError("a\n\tb\x1b[31m\x07 c")) == "a b [31m c"
    assert one_line("x" * 500, limit=10) == "xxxxxxxxx…"
