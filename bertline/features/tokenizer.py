"""WordPiece tokenization as BERT does it, with character offsets."""

import unicodedata
from bisect import bisect_left
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple, cast

import tokenizers
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from bertline.errors import CheckpointError, DataError
from bertline.features.spec import TokenizerSpec

PAD, UNK, CLS, SEP = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
# As in Google's tokenization.py; the library's own default is 100.
MAX_CHARS_PER_WORD = 200
MAX_KNOWN_WORDS = 200_000
WORDS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Encoding:
    """The tokens of one text, special tokens not included; all lists [tokens].

    ids: vocabulary ids. starts, ends: the token's characters [start, end) in the original text,
    in code points; combining marks that normalization strips belong to the token before. words:
    number of the word that the token is a piece of, from 0, ascending.
    """

    ids: list[int]
    starts: list[int]
    ends: list[int]
    words: list[int]

    @property
    def first_tokens(self) -> list[int]:
        """Index of the first token of each word; int [words]."""
        words = self.words
        return [i for i, word in enumerate(words) if i == 0 or word != words[i - 1]]


class Pieces(NamedTuple):
    """The tokens of one word: ids, and characters [start, end) of the word; lists [tokens]."""

    ids: list[int]
    starts: list[int]
    ends: list[int]


class Tokenizer:
    """Splits texts at white space and punctuation and the words into WordPieces.

    No special token is registered, so a literal "[SEP]" in a text stays text; the ids of [CLS]
    and [SEP] are there to be added by number. docs/tokenizer.md lists what differs from Google's.

    vocabulary: token → id. tokens: id → token. spec: what the encoder expects.
    """

    def __init__(self, vocabulary: dict[str, int], spec: TokenizerSpec) -> None:
        self.vocabulary, self.spec = vocabulary, spec.tokenizer
        self.tokens = {number: token for token, number in vocabulary.items()}
        self.pad_id, self.cls_id, self.sep_id = (vocabulary[name] for name in (PAD, CLS, SEP))
        model = WordPiece(vocabulary, unk_token=UNK, max_input_chars_per_word=MAX_CHARS_PER_WORD)
        self._known: dict[str, Pieces] = {}
        self._tokenizer = tokenizers.Tokenizer(model)
        self._tokenizer.normalizer = BertNormalizer(
            lowercase=spec.do_lower_case,
            strip_accents=spec.strip_accents,
            handle_chinese_chars=spec.tokenize_chinese_chars,
        )
        self._tokenizer.pre_tokenizer = BertPreTokenizer()
        self._tokenizer.add_tokens(
            [tokenizers.AddedToken(**token.model_dump()) for token in spec.added_tokens]
        )

    @classmethod
    def from_vocab(cls, vocab_file: Path, spec: TokenizerSpec) -> "Tokenizer":
        """The tokenizer of a vocab.txt; raises CheckpointError if the file is not a vocabulary."""
        return cls(read_vocab(vocab_file), spec)

    @property
    def vocab_size(self) -> int:
        """Number of entries of the vocabulary."""
        return len(self.vocabulary)

    def normalize(self, text: str) -> str:
        """The text as it is split: cleaned, Chinese characters apart, lower-cased if so set."""
        normalized: str = self._tokenizer.normalizer.normalize_str(text)
        return normalized

    def is_punctuation(self, character: str) -> bool:
        """Whether a normalized character is always a word of its own."""
        return len(self._tokenizer.pre_tokenizer.pre_tokenize_str(f"a{character}a")) == 3

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """One encoding a text, in order; raises DataError for text that is not valid Unicode."""
        try:
            encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        except TypeError:
            raise DataError(_describe_invalid(texts)) from None
        return [
            Encoding(
                ids=encoding.ids,
                starts=[start for start, _ in offsets],
                ends=_ends_with_marks(text, offsets),
                # None is for special tokens, and there are none.
                words=cast(list[int], encoding.word_ids),
            )
            for text, encoding, offsets in (
                (text, encoding, encoding.offsets)
                for text, encoding in zip(texts, encodings, strict=True)
            )
        ]

    def encode_words(self, words: Iterable[str]) -> dict[str, Pieces]:
        """The tokens of each word, to be joined to those of a text; a word has no white space.

        Words come again and again: those of earlier calls are remembered.
        """
        # Another dict and not the same one cleared: another thread may be reading that.
        known = self._known if len(self._known) < MAX_KNOWN_WORDS else {}
        distinct = dict.fromkeys(words)
        new = [word for word in distinct if word not in known]
        groups = [new[i : i + WORDS_AT_ONCE] for i in range(0, len(new), WORDS_AT_ONCE)]
        # One text of many words is encoded in half the time of many texts.
        encodings = self.encode(["\n".join(group) for group in groups])
        for group, encoding in zip(groups, encodings, strict=True):
            places = [0, *accumulate(len(word) + 1 for word in group)]
            bounds = [bisect_left(encoding.starts, place) for place in places]
            for word, place, (first, behind) in zip(group, places, pairwise(bounds), strict=False):
                known[word] = Pieces(
                    encoding.ids[first:behind],
                    [start - place for start in encoding.starts[first:behind]],
                    [end - place for end in encoding.ends[first:behind]],
                )
        self._known = known
        return {word: known[word] for word in distinct}

    def basic_tokens(self, text: str) -> list[str]:
        """What is cut into WordPieces: normalized words, and each punctuation mark by itself."""
        normalized = self._tokenizer.normalizer.normalize_str(text)
        return [word for word, _ in self._tokenizer.pre_tokenizer.pre_tokenize_str(normalized)]


def _ends_with_marks(text: str, offsets: Sequence[tuple[int, int]]) -> list[int]:
    """The ends of tokens, with the combining marks between a token and the next."""
    ends = [end for _, end in offsets]
    if not text.isascii():
        behind = [start for start, _ in offsets[1:]]
        for number, (end, bound) in enumerate(zip(ends, [*behind, len(text)], strict=False)):
            while end < bound and unicodedata.category(text[end]) == "Mn":
                end += 1
            ends[number] = end
    return ends


def read_vocab(file: Path) -> dict[str, int]:
    """Token → id of a vocab.txt with one entry a line.

    Raises CheckpointError if the file is missing, is not UTF-8, has an entry twice or lacks a
    special token.
    """
    try:
        # Some editors put a byte order mark before the first entry.
        lines = file.read_bytes().decode("utf-8-sig").split("\n")
    except FileNotFoundError:
        raise CheckpointError(f"{file}: no such vocabulary; give the encoder's vocab.txt") from None
    except UnicodeDecodeError as error:
        raise CheckpointError(
            f"{file}: not UTF-8 (byte {error.start}: {error.reason}); give the encoder's vocab.txt"
        ) from None
    # Not splitlines(): vocabularies hold characters that it takes for line ends.
    tokens = [line.removesuffix("\r") for line in lines]
    if tokens[-1] == "":
        tokens.pop()
    vocabulary: dict[str, int] = {}
    for number, token in enumerate(tokens):
        if vocabulary.setdefault(token, number) != number:
            raise CheckpointError(
                f"{file}:{number + 1}: {token!r} is also on line {vocabulary[token] + 1}; "
                "give the encoder's vocab.txt, one entry a line"
            )
    check_vocabulary(vocabulary, file)
    return vocabulary


def check_vocabulary(vocabulary: Container[str], file: Path) -> None:
    """Raises CheckpointError, naming the vocabulary's file, if it lacks a special token."""
    missing = [name for name in (PAD, UNK, CLS, SEP) if name not in vocabulary]
    if missing:
        raise CheckpointError(
            f"{file}: no entry {', '.join(missing)}; give the vocab.txt of a BERT encoder"
        )


def _describe_invalid(texts: Sequence[str]) -> str:
    for number, text in enumerate(texts, start=1):
        try:
            text.encode("utf-8")
        except (AttributeError, UnicodeEncodeError):
            return f"text {number} of {len(texts)} is not valid Unicode ({text!r:.60}); correct it"
    raise AssertionError("the tokenizer refused valid texts")
