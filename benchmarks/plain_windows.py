"""SQuAD windows in plain Python, word by word and window by window: what others are measured by."""

import unicodedata
from dataclasses import dataclass
from typing import NamedTuple

from bertline.examples import Question

WHITE_SPACE = " \t\r\n\u202f"
MAX_CHARS_PER_WORD = 200


class PlainTokenizer:
    """BERT's lower-casing WordPiece tokenizer; vocabulary: token → id."""

    def __init__(self, vocabulary: dict[str, int]) -> None:
        self.vocabulary = vocabulary

    def tokenize(self, text: str) -> list[str]:
        """The WordPieces of a text."""
        return [piece for word in basic_words(text) for piece in self.pieces(word)]

    def pieces(self, word: str) -> list[str]:
        """The longest piece that is known, then the longest of the rest; [UNK] if one is not."""
        if len(word) > MAX_CHARS_PER_WORD:
            return ["[UNK]"]
        pieces = []
        start = 0
        while start < len(word):
            end = len(word)
            while start < end:
                piece = ("##" if start else "") + word[start:end]
                if piece in self.vocabulary:
                    break
                end -= 1
            else:
                return ["[UNK]"]
            pieces.append(piece)
            start = end
        return pieces


def basic_words(text: str) -> list[str]:
    """The words of a text in lower case without accents; a mark of punctuation is a word."""
    words = []
    for chunk in "".join(_clean(character) for character in text).split():
        word = ""
        for character in unicodedata.normalize("NFD", chunk.lower()):
            if unicodedata.category(character) == "Mn":
                continue
            if _is_punctuation(character):
                words += [word, character]
                word = ""
            else:
                word += character
        words.append(word)
    return [word for word in words if word]


def _clean(character: str) -> str:
    category = unicodedata.category(character)
    if character in "\t\n\r" or category == "Zs":
        return " "
    if character in "\x00\ufffd" or category.startswith("C"):
        return ""
    return f" {character} " if _is_cjk(ord(character)) else character


def _is_punctuation(character: str) -> bool:
    code = ord(character)
    is_ascii_mark = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return is_ascii_mark or unicodedata.category(character).startswith("P")


def _is_cjk(code: int) -> bool:
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0x20000 <= code <= 0x2CEAF
        or 0xF900 <= code <= 0xFAFF
        or 0x2F800 <= code <= 0x2FA1F
    )


@dataclass
class PlainWindow:
    """One window, padded to max_seq_length."""

    id: str
    input_ids: list[int]
    segment_ids: list[int]
    input_mask: list[int]
    word_ids: dict[int, int]
    max_context: dict[int, bool]
    start_position: int
    end_position: int


class _Part(NamedTuple):
    start: int
    length: int


def plain_windows(
    tokenizer: PlainTokenizer,
    question: Question,
    max_seq_length: int,
    doc_stride: int,
    max_query_length: int,
) -> list[PlainWindow]:
    """The windows of a question; of an impossible one all positions are 0."""
    words, word_of = _words(question.context)
    tokens: list[str] = []
    word_ids: list[int] = []
    firsts: list[int] = []
    for number, word in enumerate(words):
        firsts.append(len(tokens))
        for piece in tokenizer.tokenize(word):
            tokens.append(piece)
            word_ids.append(number)
    firsts.append(len(tokens))
    span = None
    if question.answers:
        answer = question.answers[0]
        first = firsts[word_of[answer.start]]
        last = firsts[word_of[answer.start + len(answer.text) - 1] + 1] - 1
        span = _narrow(tokens, first, last, tokenizer.tokenize(answer.text))
    query = tokenizer.tokenize(question.question)[:max_query_length]
    parts = _parts(len(tokens), max_seq_length - len(query) - 3, doc_stride)
    windows = []
    for index, part in enumerate(parts):
        pieces = ["[CLS]", *query, "[SEP]"]
        segments = [0] * len(pieces)
        shift = len(pieces) - part.start
        window = PlainWindow(question.id, [], [], [], {}, {}, 0, 0)
        for token in range(part.start, part.start + part.length):
            window.word_ids[len(pieces)] = word_ids[token]
            window.max_context[len(pieces)] = _best_part(parts, token) == index
            pieces.append(tokens[token])
            segments.append(1)
        pieces.append("[SEP]")
        segments.append(1)
        ids = [tokenizer.vocabulary[piece] for piece in pieces]
        padding = [0] * (max_seq_length - len(ids))
        window.input_ids = ids + padding
        window.segment_ids = segments + padding
        window.input_mask = [1] * len(ids) + padding
        if span and part.start <= span[0] and span[1] < part.start + part.length:
            window.start_position, window.end_position = span[0] + shift, span[1] + shift
        windows.append(window)
    return windows


def _words(text: str) -> tuple[list[str], list[int]]:
    """The words of a text, and the number of the word of each of its characters."""
    words: list[str] = []
    word_of = []
    is_inside = False
    for character in text:
        if character in WHITE_SPACE:
            is_inside = False
        elif is_inside:
            words[-1] += character
        else:
            words.append(character)
            is_inside = True
        word_of.append(len(words) - 1)
    return words, word_of


def _narrow(tokens: list[str], first: int, last: int, answer: list[str]) -> tuple[int, int]:
    for start in range(first, last + 1):
        for end in range(last, start - 1, -1):
            if tokens[start : end + 1] == answer:
                return start, end
    return first, last


def _parts(count: int, room: int, doc_stride: int) -> list[_Part]:
    parts = [_Part(0, min(count, room))]
    while parts[-1].start + parts[-1].length < count:
        start = parts[-1].start + min(doc_stride, room)
        parts.append(_Part(start, min(count - start, room)))
    return parts


def _best_part(parts: list[_Part], token: int) -> int:
    """The part in which a token has the most context."""
    best, best_score = -1, -1.0
    for index, part in enumerate(parts):
        left, right = token - part.start, part.start + part.length - 1 - token
        if left >= 0 and right >= 0:
            score = min(left, right) + 0.01 * part.length
            if score > best_score:
                best, best_score = index, score
    return best
