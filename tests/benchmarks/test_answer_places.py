from pathlib import Path

import pytest

from benchmarks.answer_places import LANGUAGES, questions_in, shares, toy_tokenizer
from bertline.datasets import squad
from bertline.examples import Question
from tests.features.squad_oracle import base_tokenizer


@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize("do_lower_case", [True, False])
def test_answers_in_text_without_spaces_come_back_at_their_places(
    name: str, do_lower_case: bool
) -> None:
    language = LANGUAGES[name]
    questions = [
        # The longest answers that are looked for have 30 tokens.
        question
        for question in questions_in(language, 60, seed=2)
        if len(question.answers[0].text) <= 30
    ]
    assert len(questions) > 40
    tokenizer = toy_tokenizer(language, do_lower_case)
    assert shares(tokenizer, questions, "characters") == (1.0, 1.0)
    assert shares(tokenizer, questions, "words")[1] < 0.5


@pytest.mark.real
def test_english_answers_are_no_worse_than_by_words(shared: Path) -> None:
    test = squad.read_v1(shared / "data" / "squad").test[::10]
    questions = [question for question in test if isinstance(question, Question)]
    by_characters, by_words = (
        shares(base_tokenizer(), questions, places) for places in ("characters", "words")
    )
    assert min(by_characters) >= 0.99
    assert by_characters[0] >= by_words[0]
    assert by_characters[1] >= by_words[1]
