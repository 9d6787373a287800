import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bertline.export.charsmap import charsmap


def looked_up(compiled: bytes, text: str) -> str | None:
    """The value of the longest key that `text` begins with, as darts-clone walks its trie."""
    size = int.from_bytes(compiled[:4], "little")
    units = np.frombuffer(compiled[4 : 4 + size], np.uint32).tolist()
    values = compiled[4 + size :]
    found, position = None, units[0] >> 10
    for byte in text.encode():
        position ^= byte
        unit = units[position]
        if unit & 0x800000FF != byte:
            break
        position ^= unit >> 10
        if unit >> 8 & 1:
            start = units[position] & 0x7FFFFFFF
            found = values[start : values.index(0, start)].decode()
    return found


CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
TEXTS = st.text(CHARACTERS, min_size=1, max_size=3)


@given(st.dictionaries(TEXTS, st.text(CHARACTERS), min_size=1), TEXTS)
def test_every_key_gives_its_value_and_others_that_of_their_longest_beginning(
    table: dict[str, str], other: str
) -> None:
    compiled = charsmap(table).tobytes()
    for key in [*table, other]:
        beginnings = [key[:end] for end in range(len(key), 0, -1)]
        expected = next((table[text] for text in beginnings if text in table), None)
        assert looked_up(compiled, key) == expected


def test_layout_of_a_single_letter() -> None:
    compiled = charsmap({"A": "a"})
    size = int.from_bytes(compiled[:4].tobytes(), "little")
    assert size % 1024 == 0
    assert compiled[4 + size :].tobytes() == b"a\0"
