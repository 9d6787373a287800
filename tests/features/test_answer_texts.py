import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertline.datasets.words import Words, split_words
from bertline.features.answer_texts import AnswerTexts
from bertline.features.spec import AnswerPlaces
from bertline.features.windows import encode_questions
from tests.features.toys import VOCAB, toy_tokenizer

TOKENIZER = toy_tokenizer()


def meant(context: str, first: int, last: int, places: AnswerPlaces = "words") -> tuple[str, str]:
    """Tokens first to last of a context (both from 0), and the characters that they mean."""
    [record] = encode_questions(TOKENIZER, [("play", context)], 64, 32, 4, places)
    tokens = " ".join(VOCAB[id] for id in record["input_ids"][3 + first : 4 + last])
    texts = AnswerTexts(TOKENIZER, Words.of(context))
    start, end = texts.characters(record, 3 + first, 3 + last)
    return tokens, context[start:end]


@pytest.mark.parametrize(
    ("context", "first", "last", "expected"),
    [
        ("Play some  jazz.", 1, 2, ("some jazz", "some  jazz")),
        # Case and accents are those of the context.
        ("Play [Café].", 2, 2, ("cafe", "Café")),
        # Parts of words.
        ("by Miles", 1, 1, ("mil", "Mil")),
        ("by Miles", 2, 2, ("##es", "es")),
        ("don't play", 0, 1, ("don '", "don'")),
        # The first place in the words is taken, whichever was meant.
        ("in jazz.Jazz", 3, 3, ("jazz", "jazz")),
        # Characters that are lost keep the rest from being found: the whole words.
        ("cafe\u0301. by", 0, 0, ("cafe", "cafe\u0301.")),
        ("jazz\u200b. by", 0, 0, ("jazz", "jazz\u200b.")),
        ("in \u200b by", 0, 1, ("in by", "in \u200b by")),
        # What is unknown too.
        ("by 💿.", 1, 1, ("[UNK]", "💿.")),
        # A no-break space divides tokens, but not words.
        ("by jazz\u00a0Jazz", 1, 1, ("jazz", "jazz\u00a0Jazz")),
        ("你de", 0, 0, ("你", "你")),
        ("你de", 1, 1, ("de", "de")),
    ],
)
def test_what_tokens_mean(context: str, first: int, last: int, expected: tuple[str, str]) -> None:
    assert meant(context, first, last) == expected


@pytest.mark.parametrize(
    ("context", "first", "last", "expected"),
    [
        ("Play some  jazz.", 1, 2, ("some jazz", "some  jazz")),
        ("by Miles", 2, 2, ("##es", "es")),
        # The place that was meant, characters that are lost, what is unknown.
        ("in jazz.Jazz", 3, 3, ("jazz", "Jazz")),
        ("cafe\u0301. by", 0, 0, ("cafe", "cafe\u0301")),
        ("jazz\u200b. by", 0, 0, ("jazz", "jazz")),
        ("ja\u200bzz. by", 0, 0, ("jazz", "ja\u200bzz")),
        ("by 💿.", 1, 1, ("[UNK]", "💿")),
        ("by jazz\u00a0Jazz", 1, 1, ("jazz", "jazz")),
        ("你好你\u3000de", 1, 1, ("[UNK]", "好")),
        ("你好你\u3000de", 2, 3, ("你 de", "你\u3000de")),
    ],
)
def test_what_tokens_mean_by_their_characters(
    context: str, first: int, last: int, expected: tuple[str, str]
) -> None:
    assert meant(context, first, last, "characters") == expected


@given(
    st.lists(
        st.sampled_from(
            ["Play", "miles", "jazz.", "don't", "café", "(de)", "💿", "e\u0301", "\u200b"]
        ),
        max_size=12,
    ),
    st.sampled_from([" ", "  ", "\n", "\u202f"]),
    st.data(),
)
def test_tokens_mean_characters_within_their_words(
    words: list[str], space: str, data: st.DataObject
) -> None:
    context = space.join(words)
    [record] = encode_questions(TOKENIZER, [("play", context)], 64, 32, 4, "words")
    count = len(record["input_ids"]) - 4
    if not count:
        return
    first = data.draw(st.integers(3, 2 + count))
    last = data.draw(st.integers(first, 2 + count))
    divided = Words.of(context)
    start, end = AnswerTexts(TOKENIZER, divided).characters(record, first, last)
    first_word, last_word = record["word_ids"][[first, last]]
    assert divided.starts[first_word] <= start < end <= divided.ends[last_word]
    assert split_words(context[start:end])
