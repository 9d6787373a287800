"""The words of a context as the SQuAD code of the BERT paper divides it: at white space alone."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Self

WHITE_SPACE = " \t\r\n\u202f"
_WORD = re.compile(f"[^{WHITE_SPACE}]+")


def split_words(text: str) -> list[str]:
    """The words of `text`: what stands between WHITE_SPACE, so a no-break space divides nothing."""
    return _WORD.findall(text)


@dataclass(frozen=True, slots=True)
class Words:
    """A text's words; word i is text[starts[i]:ends[i]], in code points."""

    text: str
    starts: list[int]
    ends: list[int]

    @classmethod
    def of(cls, text: str) -> Self:
        """The words of `text`, those of `split_words`."""
        spans = [match.span() for match in _WORD.finditer(text)]
        return cls(text, [start for start, _ in spans], [end for _, end in spans])

    def at(self, character: int) -> int:
        """Number of the word of a character; white space belongs to the word before it, if any."""
        return max(bisect_right(self.starts, character) - 1, 0)

    def range_of(self, start: int, end: int) -> tuple[int, int]:
        """Characters [start, end) widened to whole words; there must be a word."""
        return self.starts[self.at(start)], self.ends[self.at(end - 1)]

    def spelled(self, start: int, end: int) -> str:
        """Characters [start, end) with one space for each stretch of white space."""
        return " ".join(_WORD.findall(self.text, start, end))

    def find(self, text: str, start: int, end: int, near: int) -> tuple[int, int] | None:
        """Characters of `text` within [start, end), of several places the one nearest to `near`.

        White space of any length and kind matches any other.
        """
        pattern = r"\s+".join(map(re.escape, text.split()))
        spans = [match.span() for match in re.compile(pattern).finditer(self.text, start, end)]
        return min(spans, key=lambda span: abs(span[0] - near), default=None)
