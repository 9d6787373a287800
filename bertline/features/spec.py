"""How texts are split into tokens, how a model's inputs are cut, how answers are chosen."""

from typing import Annotated, Literal

from pydantic import Field

from bertline.config import Config

Truncation = Literal["head", "tail", "head_tail"]
AnswerPlaces = Literal["characters", "words"]
Positive = Annotated[int, Field(gt=0)]


class AddedToken(Config):
    """A token that is matched in a text before the text is split into words.

    single_word: matches only where no letter or digit precedes or follows. normalized: matches in
    the normalized (for example lower-cased) text instead of the original.
    """

    content: Annotated[str, Field(min_length=1)]
    single_word: bool = False
    normalized: bool = False


class TokenizerSpec(Config):
    """How texts are split into entries of a vocabulary; keys have Hugging Face's names.

    do_lower_case: lower-case the text. strip_accents: remove accents; None: as do_lower_case.
    tokenize_chinese_chars: split at each Chinese character. added_tokens: entries of the vocabulary
    that are matched whole, before WordPiece.
    """

    do_lower_case: bool = True
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool = True
    added_tokens: tuple[AddedToken, ...] = ()

    @property
    def tokenizer(self) -> "TokenizerSpec":
        """The keys of the tokenizer alone, without those that a subclass adds."""
        return TokenizerSpec(**{name: getattr(self, name) for name in TokenizerSpec.model_fields})


class InputSpec(Config):
    """Limits of what a model reads at once, in tokens.

    max_seq_length: of an input, [CLS] and [SEP] included. truncation: what is kept of a single
    classified text that is longer: its head, its tail, or "head_tail", a quarter of the tokens from
    the head and the others from the tail (Sun et al. 2019, arXiv:1905.05583, section 5.3.1). Of
    questions also: doc_stride, the step from one window over a long context to the next;
    max_query_length, what is read of a question; answer_places, whether an answer is at the
    characters of its tokens, or where the SQuAD code of the BERT paper finds it in the words (at
    white space) of its tokens, which needs texts with spaces.
    """

    max_seq_length: Annotated[int, Field(ge=3)] = 64
    truncation: Truncation = "head"
    doc_stride: Positive = 128
    max_query_length: Positive = 64
    answer_places: AnswerPlaces = "characters"

    @property
    def windows(self) -> tuple[int, int, int, AnswerPlaces]:
        """max_seq_length, doc_stride, max_query_length and answer_places."""
        return self.max_seq_length, self.doc_stride, self.max_query_length, self.answer_places


class AnswerSpec(Config):
    """How an answer is chosen among the spans of a context.

    n_best_size: how many are kept. max_answer_length: in tokens. null_threshold: a question is left
    unanswered where the score of no answer is above the best span's by more than this; None: every
    question is answered.
    """

    n_best_size: Positive = 20
    max_answer_length: Positive = 30
    null_threshold: float | None = None
