import pytest

from bertline.errors import DataError
from bertline.json_values import parse_json


@pytest.mark.parametrize(
    "content", ['{"a": [1, {"b": null}]}', b'\xef\xbb\xbf{"a": [1, {"b": null}]}']
)
def test_the_value_of_text_or_bytes(content: str | bytes) -> None:
    assert parse_json(content, "file") == {"a": [1, {"b": None}]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a":\n ]}', "malformed JSON at line 2, column 2: Expecting value"),
        ("", "malformed JSON at line 1, column 1"),
        (b'{"a": "\xff"}', r"not UTF-8 \(byte 7\)"),
        ('{"a": {"b": 1, "c": 2, "b": 1}}', "the key 'b' is there twice in one JSON object"),
        ("[" * 100_000 + "]" * 100_000, "JSON that is nested too deeply"),
        ('{"a":' * 100_000, "JSON that is nested too deeply"),
        ("1" * 5_000, "JSON with an integer of too many digits"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=f"^file: {message}.*; get it again$") as caught:
        parse_json(content, "file", "get it again")
    assert "\n" not in str(caught.value)
