"""Tokens of a context back as its characters."""

from bisect import bisect_right
from itertools import accumulate

from bertline.datasets.words import Words
from bertline.features.batches import Record
from bertline.features.tokenizer import Tokenizer


class AnswerTexts:
    """What tokens of one context mean in it.

    Of a record with the characters of its tokens, these. Of a record with their words, what the
    BERT paper's SQuAD code finds: it spells the words as they are before WordPiece and looks for
    the tokens there; where it finds them, the same characters of the words are meant. Where it does
    not, or where that spelling has another number of characters, the whole words are.
    """

    def __init__(self, tokenizer: Tokenizer, words: Words) -> None:
        self.tokenizer = tokenizer
        self.words = words
        self._spellings: dict[int, str] = {}

    def characters(self, record: Record, first: int, last: int) -> tuple[int, int]:
        """Characters [start, end) of the context that tokens first to last of a window mean."""
        if "starts" in record.columns:
            return int(record["starts"][first]), int(record["ends"][last])
        first_word, last_word = record["word_ids"][[first, last]].tolist()
        ids = record["input_ids"][first : last + 1].tolist()
        tokens = " ".join(self.tokenizer.tokens[id] for id in ids)
        spelled = tokens.replace(" ##", "").replace("##", "")
        return self._find(spelled, range(first_word, last_word + 1))

    def _find(self, spelled: str, words: range) -> tuple[int, int]:
        starts, ends = self.words.starts, self.words.ends
        spellings = " ".join(filter(None, map(self._spelling, words)))
        lengths = [ends[word] - starts[word] for word in words]
        place = spellings.find(spelled)
        if place < 0 or sum(lengths) != _count(spellings):
            return starts[words[0]], ends[words[-1]]
        bounds = [0, *accumulate(lengths)]

        def character(number: int) -> int:
            """Place in the context of a character of the words, white space not counted."""
            word = bisect_right(bounds, number) - 1
            return starts[words[word]] + number - bounds[word]

        before = _count(spellings[:place])
        return character(before), character(before + _count(spelled) - 1) + 1

    def _spelling(self, word: int) -> str:
        """A word as it is before WordPiece, its parts divided by spaces; "" if nothing is left."""
        if word not in self._spellings:
            text = self.words.text[self.words.starts[word] : self.words.ends[word]]
            self._spellings[word] = " ".join(self.tokenizer.basic_tokens(text))
        return self._spellings[word]


def _count(text: str) -> int:
    return len(text) - text.count(" ")
