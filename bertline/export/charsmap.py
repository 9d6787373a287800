"""Character replacements in SentencePiece's compiled form, which OpenVINO's tokenizers read."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_VALUE = 1 << 31  # marks the unit that holds a key's value
_HAS_VALUE = 1 << 8  # marks the unit of a key's last byte
_OFFSET_BITS = 10
_BLOCK = 256
_MAX_UNITS = 1 << 21  # what an offset reaches


def charsmap(table: Mapping[str, str]) -> NDArray[np.uint8]:
    """The bytes of a map from strings to strings, of which the longest at a place is taken.

    Layout (sentencepiece, normalizer.cc; the trie is darts-clone's): size of the trie in bytes as
    uint32, its units, then the values as UTF-8 with a zero after each. A unit's label is the byte
    that leads to it; the unit for the next byte b lies at position ^ offset ^ b, a key's value at
    position ^ offset. Keys hold no zero byte.
    """
    values: dict[str, int] = {}
    texts = bytearray()
    for text in table.values():
        if text not in values:
            values[text] = len(texts)
            texts += text.encode() + b"\0"
    trie = _units({key.encode(): values[text] for key, text in table.items()}).tobytes()
    return np.frombuffer(np.uint32(len(trie)).tobytes() + trie + bytes(texts), np.uint8)


def _units(keys: Mapping[bytes, int]) -> NDArray[np.uint32]:
    """A double array in which every branching byte has a block of its own: simple, not small."""
    root: dict[Any, Any] = {}
    for key, value in keys.items():
        node = root
        for byte in key:
            node = node.setdefault(byte, {})
        node[None] = value
    units = [0] * _BLOCK
    ends = []
    waiting = [(root, 0, 0)]
    while waiting:
        node, position, label = waiting.pop()
        if node.keys() == {None}:
            ends.append((node[None], position, label))
            continue
        base = len(units)
        units += [0] * _BLOCK
        units[position] = _unit(label, position ^ base, None in node)
        if None in node:
            units[base] = node[None] | _VALUE
        waiting += [(node[byte], base ^ byte, byte) for byte in node if byte is not None]
    for value, position, label in ends:
        units[position] = _unit(label, position ^ len(units), has_value=True)
        units.append(value | _VALUE)
    units += [0] * (-len(units) % _BLOCK)
    assert len(units) <= _MAX_UNITS, f"{len(units)} units"
    return np.array(units, np.uint32)


def _unit(label: int, offset: int, has_value: bool) -> int:
    return label | (_HAS_VALUE if has_value else 0) | offset << _OFFSET_BITS
