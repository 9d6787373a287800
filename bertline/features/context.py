"""The text in which a question is answered, as tokens: which of them an answer is."""

from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Self

import numpy as np

from bertline.datasets.words import Words
from bertline.examples import GoldAnswer
from bertline.features.batches import IntArray
from bertline.features.spec import AnswerPlaces
from bertline.features.tokenizer import Pieces


@dataclass(frozen=True, slots=True)
class Context:
    """A context's words and tokens.

    ids: of the tokens. word_ids: the word of each. starts, ends: the characters of each.
    first_tokens [words + 1]: the first token of each word (of one without tokens, the first after
    it), and behind the last.
    """

    words: Words
    ids: IntArray
    word_ids: IntArray
    starts: IntArray
    ends: IntArray
    first_tokens: list[int]

    @classmethod
    def of(cls, text: str, pieces: list[Pieces]) -> Self:
        """The tokens of a text; pieces: those of each of its words."""
        words = Words.of(text)
        counts = [len(of_word.ids) for of_word in pieces]
        ids, starts, ends = (
            np.fromiter(chain.from_iterable(each), np.int32, sum(counts))
            for each in (zip(*pieces, strict=True) if pieces else ((), (), ()))
        )
        word_ids = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        places = np.repeat(np.array(words.starts, np.int32), counts)
        first_tokens = [0, *accumulate(counts)]
        return cls(words, ids, word_ids, starts + places, ends + places, first_tokens)

    def has(self, answer: GoldAnswer) -> bool:
        """Whether an answer has a text that is at its place."""
        text = answer.text
        return bool(text.strip()) and self.words.text.startswith(text, answer.start)

    def places(self, answer_places: AnswerPlaces) -> dict[str, IntArray]:
        """The columns of records with the places of tokens in the context."""
        if answer_places == "characters":
            return {"starts": self.starts, "ends": self.ends}
        return {"word_ids": self.word_ids}

    def tokens_at(self, start: int, end: int) -> tuple[int, int] | None:
        """First and last of the tokens that cover characters [start, end); None if there are none.

        Tokens may share a character. Where one starts there, or ends there, it is taken.
        """
        first, last = np.searchsorted(self.starts, start), np.searchsorted(self.ends, end, "right")
        if first == len(self.starts) or self.starts[first] != start:
            first = np.searchsorted(self.ends, start, "right")
        if last == 0 or self.ends[last - 1] != end:
            last = np.searchsorted(self.starts, end)
        return (int(first), int(last) - 1) if first < last else None

    def tokens_in_words(self, answer: GoldAnswer, ids: list[int]) -> tuple[int, int]:
        """First and last token of an answer: of its words, narrowed to its own tokens if there.

        ids: of its own tokens.
        """
        end = answer.start + len(answer.text)
        first = self.first_tokens[self.words.at(answer.start)]
        behind = self.first_tokens[self.words.at(end - 1) + 1]
        tokens = self.ids[first:behind].tolist()
        for start in range(len(tokens) - len(ids) + 1):
            if ids and tokens[start : start + len(ids)] == ids:
                return first + start, first + start + len(ids) - 1
        return first, behind - 1
