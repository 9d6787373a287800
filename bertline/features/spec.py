"""How texts are divided into tokens, a model's inputs cut and its answers chosen."""

from typing import Annotated, Literal

from pydantic import Field

from bertline.config import Config

Truncation = Literal["head", "tail", "head_tail"]
AnswerPlaces = Literal["characters", "words"]
Positive = Annotated[int, Field(gt=0)]


class AddedToken(Config):
    """A token that is found in a text before the text is divided into words.

    single_word: only where no letter or digit touches it. normalized: found in the normalized text
    (lower-cased, if the text is) instead of the text itself.
    """

    content: Annotated[str, Field(min_length=1)]
    single_word: bool = False
    normalized: bool = False


class TokenizerSpec(Config):
    """How an encoder's vocabulary divides texts; keys have Hugging Face's names.

    do_lower_case: lower-case the text. strip_accents: remove accents; None: if the text is
    lower-cased. tokenize_chinese_chars: each Chinese character is a word. added_tokens: entries of
    the vocabulary that are no WordPieces.
    """

    do_lower_case: bool = True
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool = True
    added_tokens: tuple[AddedToken, ...] = ()

    @property
    def tokenizer(self) -> "TokenizerSpec":
        """These keys alone, of a configuration that has others too."""
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
