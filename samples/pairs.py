"""Pairs of sentences in the on-disk form of the Microsoft Research Paraphrase Corpus.

Both sentences of a paraphrase tell the same news (phrases/pairs.yaml) in two wordings. The others
differ in one fact, tell who did what the other way round, or tell other news of the same subject.
Wordings and most names are held out for test.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from samples.templates import Templates, lists_of, load

FOLDER = Path("mrpc")
HEADER = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"
SEED = 20050914
COUNTS = {"train": 800, "test": 200}
PARAPHRASE_RATE, OTHER_NEWS_RATE = 0.6, 0.5

News = dict[str, Any]


class Reporter(Templates):
    """Writes pairs of one split."""

    def __init__(self, split: str) -> None:
        phrases = load("phrases")["pairs"]
        lists = lists_of([*load("values").values(), phrases["lists"]], split)
        super().__init__(lists, f"{SEED} {split}")
        self._split = split
        self._news: list[News] = list(phrases["news"].values())

    def pair(self) -> tuple[bool, str, str]:
        """Whether the sentences are a paraphrase, and both."""
        news = self.pick(self._news)
        first_form, second_form = self.sample(news[self._split], 2)
        facts: dict[str, str] = {}
        first = self._sentence(first_form, facts)
        if self.happens(PARAPHRASE_RATE):
            return True, first, self._sentence(second_form, facts)
        if self.happens(OTHER_NEWS_RATE):
            others = [each for each in self._news if each["subject"] == news["subject"]]
            other = self.pick([each for each in others if each is not news])
            shared = {news["subject"]: facts[news["subject"]]}
            return False, first, self._sentence(self.pick(other[self._split]), shared)
        return False, first, self._sentence(second_form, self._changed(facts, news))

    def _changed(self, facts: dict[str, str], news: News) -> dict[str, str]:
        """The facts with one of them wrong, or with two persons or things exchanged."""
        slot = self.pick([*news["changes"], *news.get("swaps", [])])
        if slot in news.get("swaps", []):
            first, second = news["swaps"]
            return {**facts, first: facts[second], second: facts[first]}
        return {**facts, slot: self.pick([v for v in self._values(slot) if v != facts[slot]])}

    def _values(self, name: str) -> list[str]:
        return [self.value(name) for _ in range(9)]

    def _sentence(self, form: str, facts: dict[str, str]) -> str:
        text, _ = self.fill(form, facts)
        return text[0].upper() + text[1:]


def generate(split: str) -> Iterator[tuple[bool, str, str]]:
    """The pairs of a split, no sentence in two of them."""
    reporter, sentences = Reporter(split), set[str]()
    for _ in range(COUNTS[split]):
        pair = reporter.pair()
        while sentences & {*pair[1:]} or pair[1] == pair[2]:
            pair = reporter.pair()
        sentences.update(pair[1:])
        yield pair


def write(root: Path) -> None:
    """Writes both files below `root`, with byte-order mark and line ends as the corpus has them."""
    number = 100_000
    for split in COUNTS:
        lines = [HEADER]
        for is_paraphrase, first, second in generate(split):
            lines.append(f"{int(is_paraphrase)}\t{number}\t{number + 1}\t{first}\t{second}")
            number += 2
        (root / FOLDER).mkdir(parents=True, exist_ok=True)
        text = "".join(f"{line}\r\n" for line in lines)
        file = root / FOLDER / f"msr_paraphrase_{split}.txt"
        file.write_bytes(text.encode("utf-8-sig"))
