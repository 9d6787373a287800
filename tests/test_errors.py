from pathlib import Path

import pytest

from bertline.addresses import without_secrets
from bertline.errors import ConfigError, DataError, StorageError, called, one_line


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


def test_errors_name_what_the_user_knows(tmp_path: Path) -> None:
    place = tmp_path / "source"
    with pytest.raises(DataError) as raised, called(place, "gs://bucket/model"):
        raise DataError(f"{place}/model.json: no such file; see {place}")
    assert str(raised.value) == "gs://bucket/model/model.json: no such file; see gs://bucket/model"


def test_other_errors_stay_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised, called(tmp_path, "x"):
        raise ConfigError("seed = -1")
    assert str(raised.value) == "seed = -1"
    with pytest.raises(KeyError), called(tmp_path, "x"):
        raise KeyError(str(tmp_path))
