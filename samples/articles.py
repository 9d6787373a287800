"""Articles with questions in the on-disk form of SQuAD 1.1 and 2.0.

The paragraphs of an article tell facts about one made-up company, town or scholar
(phrases/articles.yaml); questions ask for values that a paragraph tells, in 2.0 also for some that
only another paragraph of the article tells. Subjects, wordings and most names are held out for
test. Capitals at the beginning of a sentence belong to the answer: it is what the text says.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samples.templates import Templates, lists_of, load

SEED = 20160616
COUNTS = {"train": 60, "test": 15}
FILES = {"train": "train", "test": "dev"}
FOLDERS = {"1.1": "squad-v1", "v2.0": "squad-v2"}
"""Version as the files write it → folder."""

LEFT_OUT_RATE = 0.5
MIN_SENTENCES, MAX_ANSWERED, MAX_IMPOSSIBLE = 4, 5, 2

Fact = dict[str, Any]


@dataclass(frozen=True)
class Paragraph:
    """A text and its questions.

    sentences: of the text, joined by a space. answered: question → the answer and its first
    character. impossible: questions that the text does not answer.
    """

    sentences: list[str]
    answered: dict[str, tuple[str, int]]
    impossible: list[str]

    @property
    def context(self) -> str:
        """The text."""
        return " ".join(self.sentences)


class Author(Templates):
    """Writes articles of one split."""

    def __init__(self, split: str, seed: str) -> None:
        phrases = load("phrases")["articles"]
        lists = lists_of([*load("values").values(), phrases["lists"]], split)
        super().__init__(lists, seed)
        self._split = split
        self._kinds: list[dict[str, Any]] = list(phrases["kinds"].values())

    def article(self) -> tuple[str, list[Paragraph]]:
        """The subject of an article, and its paragraphs."""
        kind = self.pick(self._kinds)
        values = {"subject": self.value(kind["subject"]), "again": self.pick(kind["again"])}
        told = [self._told(facts) for facts in kind["paragraphs"]]
        every = [fact for facts in kind["paragraphs"] for fact in facts]
        return values["subject"], [
            self._paragraph(facts, [fact for fact in every if fact not in facts], values)
            for facts in told
        ]

    def _told(self, facts: list[Fact]) -> list[Fact]:
        """The facts of a paragraph, often without one; the first names the subject and stays."""
        left_out = self.pick(facts[1:])
        leaves_out = len(facts) > 3 and self.happens(LEFT_OUT_RATE)
        return [fact for fact in facts if fact is not left_out or not leaves_out]

    def _paragraph(
        self, facts: list[Fact], others: list[Fact], values: dict[str, str]
    ) -> Paragraph:
        sentences: list[str] = []
        answered: dict[str, tuple[str, int]] = {}
        for part in self._with_asides(facts):
            form = part if isinstance(part, str) else self.pick(part["says"][self._split])
            text, starts = self.fill(form, values)
            text, before = text[0].upper() + text[1:], len(" ".join([*sentences, ""]))
            sentences.append(text)
            for slot, question in [] if isinstance(part, str) else self._questions(part, values):
                answer = text[starts[slot] : starts[slot] + len(values[slot])]
                answered[question] = answer, before + starts[slot]
        kept = self.sample(list(answered), MAX_ANSWERED)
        others = self.sample(others, MAX_IMPOSSIBLE)
        impossible = [question for fact in others for _, question in self._questions(fact, values)]
        return Paragraph(sentences, {question: answered[question] for question in kept}, impossible)

    def _with_asides(self, facts: list[Fact]) -> list[Fact | str]:
        """The facts with sentences between them that tell nothing; four parts or more."""
        parts: list[Fact | str] = [*facts]
        count = max(MIN_SENTENCES - len(facts), self.pick([0, 1, 2]))
        for aside in self.sample(self.lists["aside"], count):
            parts.insert(self.pick(range(1, len(parts) + 1)), aside)
        return parts

    def _questions(self, fact: Fact, values: dict[str, str]) -> list[tuple[str, str]]:
        """A question for each slot that the fact has one for."""
        forms = {slot: self.pick(of_split[self._split]) for slot, of_split in fact["asks"].items()}
        return [(slot, self.fill(form, values)[0]) for slot, form in forms.items()]


def generate() -> dict[str, dict[str, list[Paragraph]]]:
    """Split → subject → paragraphs; no subject in both splits."""
    articles: dict[str, dict[str, list[Paragraph]]] = {}
    for split, count in COUNTS.items():
        author = Author(split, f"{SEED} {split}")
        taken = {name for of_split in articles.values() for name in of_split}
        chosen = articles.setdefault(split, {})
        while len(chosen) < count:
            subject, paragraphs = author.article()
            if subject not in taken:
                chosen.setdefault(subject, paragraphs)
    return articles


def write(root: Path) -> None:
    """Writes the training and dev files of both versions below `root`."""
    for split, articles in generate().items():
        for version, folder in FOLDERS.items():
            data = [
                {
                    "title": subject.replace(" ", "_"),
                    "paragraphs": [_json(paragraph, version) for paragraph in paragraphs],
                }
                for subject, paragraphs in articles.items()
            ]
            (root / folder).mkdir(parents=True, exist_ok=True)
            file = root / folder / f"{FILES[split]}-v{version.removeprefix('v')}.json"
            text = json.dumps({"version": version, "data": data}, ensure_ascii=False, indent=1)
            file.write_text(text + "\n", encoding="utf-8")


def _json(paragraph: Paragraph, version: str) -> dict[str, Any]:
    questions: dict[str, list[dict[str, Any]]] = {
        question: [{"text": text, "answer_start": start}]
        for question, (text, start) in paragraph.answered.items()
    }
    if version == "v2.0":
        questions |= {question: [] for question in paragraph.impossible}
    qas: list[dict[str, Any]] = []
    for question, answers in questions.items():
        key = hashlib.sha256(f"{question} {paragraph.context}".encode()).hexdigest()[:24]
        qas.append({"id": key, "question": question, "answers": answers})
        if version == "v2.0":
            qas[-1]["is_impossible"] = not answers
    return {"context": paragraph.context, "qas": qas}
