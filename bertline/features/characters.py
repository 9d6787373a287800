"""What the tokenizer does to every single character, as data for tokenizers in other runtimes."""

import functools
import sys
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Self

from bertline.features.spec import TokenizerSpec
from bertline.features.tokenizer import CLS, PAD, SEP, Tokenizer

_SURROGATES = range(0xD800, 0xE000)


@dataclass(frozen=True)
class Characters:
    """All characters that normalization or splitting at punctuation changes, by what happens.

    deleted: they vanish. isolated: they get a space on both sides (Chinese characters). replaced:
    what stands in their place (a space, the letter without accent, …). punctuation: what is a word
    of its own after normalization.
    """

    deleted: list[str]
    isolated: list[str]
    replaced: dict[str, str]
    punctuation: list[str]

    @classmethod
    @functools.cache
    def of(cls, spec: TokenizerSpec) -> Self:
        """The characters as tokenizers of this kind treat them; takes seconds the first time.

        spec: without added tokens.
        """
        tokenizer = Tokenizer({PAD: 0, CLS: 1, SEP: 2}, spec)
        every = [chr(c) for c in range(sys.maxunicode + 1) if c not in _SURROGATES]
        normal = {c: tokenizer.normalize(c) for c in every}
        isolated = [c for c in every if normal[c] == f" {c} "]
        return cls(
            deleted=[c for c in every if not normal[c]],
            isolated=isolated,
            replaced={
                c: text for c, text in normal.items() if text not in (c, "") and text != f" {c} "
            },
            punctuation=[
                c
                for c in every
                if unicodedata.category(c)[0] in "PS" and tokenizer.is_punctuation(c)
            ],
        )


def regex_class(characters: Collection[str]) -> str:
    r"""The inside of a PCRE character class: "\x{41}-\x{5A}\x{5F}"."""
    return "".join(
        f"\\x{{{first:X}}}" if first == last else f"\\x{{{first:X}}}-\\x{{{last:X}}}"
        for first, last in _ranges(sorted(map(ord, characters)))
    )


def _ranges(codes: list[int]) -> Iterator[tuple[int, int]]:
    if not codes:
        return
    first = previous = codes[0]
    for code in codes[1:]:
        if code != previous + 1:
            yield first, previous
            first = code
        previous = code
    yield first, previous
