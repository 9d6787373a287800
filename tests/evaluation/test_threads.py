"""A loaded model is called by many threads at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import bertline

THREADS, CALLS = 8, 1000
TEXTS = [
    "play some jazz by miles davis",
    "rate jazz",
    "rate " * 17 + "davis",  # other lengths, for which runtimes prepare anew
    "play some jazz by miles davis ! " * 2,
    "davis by miles",
]


@pytest.mark.parametrize("name", ["openvino_int8", "litert_dynamic_int8", "saved_model"])
def test_answers_are_those_of_one_thread(toy_folder: Path, name: str) -> None:
    model = bertline.load(toy_folder, name)
    expected = [model.predict([text])[0] for text in TEXTS]
    assert len({str(answer) for answer in expected}) == len(TEXTS)

    def wrong_answers(thread: int) -> list[int]:
        numbers = [(thread + call) % len(TEXTS) for call in range(CALLS)]
        return [n for n in numbers if model.predict([TEXTS[n]])[0] != expected[n]]

    with ThreadPoolExecutor(THREADS) as threads:
        assert [n for wrong in threads.map(wrong_answers, range(THREADS)) for n in wrong] == []
