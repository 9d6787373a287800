"""Film reviews in the on-disk form of the Large Movie Review Dataset.

A review opens, tells of the plot, and gives opinions of one kind, often with a concession of the
other kind; every sentence has the same form in positive and in negative reviews, but for the last.
Sentences (phrases/reviews.yaml) and words of opinion are held out for test.
"""

import gzip
import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from samples.templates import Templates, lists_of, load

ARCHIVE = Path("imdb") / "aclImdb_v1.tar.gz"
SEED = 20110619
COUNTS = {"train": 600, "test": 200}
"""Reviews of each class."""

RATINGS = {"neg": "1234", "pos": "789"}
VERDICT_RATE, CONCESSION_RATE, BREAK_RATE = 0.4, 0.4, 0.2


class Reviewer(Templates):
    """Writes reviews of one split."""

    def __init__(self, split: str, seed: str) -> None:
        phrases = load("phrases")["reviews"]
        super().__init__(lists_of([*load("values").values(), phrases["lists"]], split), seed)
        self._sentences = {part: forms[split] for part, forms in phrases.items() if part != "lists"}

    def review(self, is_positive: bool) -> list[str]:
        """The sentences of one review."""
        forms = [self.pick(self._sentences["openings"]), self.pick(self._sentences["plots"])]
        forms += self.sample(self._sentences["opinions"], self.pick([2, 2, 3]))
        if self.happens(CONCESSION_RATE):
            place = self.pick([3, len(forms)])
            forms.insert(place, self.pick(self._sentences["concessions"]))
        sentences = [self._sentence(form, is_positive) for form in forms]
        if self.happens(VERDICT_RATE):
            sentences.append(self.value("praise" if is_positive else "blame"))
        return sentences

    def _sentence(self, form: str, is_positive: bool) -> str:
        agree, differ = ("good", "bad") if is_positive else ("bad", "good")
        first, second = self.sample(self.lists[agree], 2)
        text, _ = self.fill(form, {"agree": first, "also": second, "differ": self.value(differ)})
        text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
        return text[0].upper() + text[1:]

    def joined(self, sentences: list[str]) -> str:
        """The text of a review, with HTML line breaks here and there."""
        text = sentences[0]
        for sentence in sentences[1:]:
            text += ("<br /><br />" if self.happens(BREAK_RATE) else " ") + sentence
        return text


def generate() -> Iterator[tuple[str, str]]:
    """File name below aclImdb and text of every review, no text twice."""
    texts: set[str] = set()
    for split, count in COUNTS.items():
        for name, ratings in RATINGS.items():
            reviewer = Reviewer(split, f"{SEED} {split} {name}")
            number = 0
            while number < count:
                text = reviewer.joined(reviewer.review(is_positive=name == "pos"))
                if text not in texts:
                    texts.add(text)
                    yield f"{split}/{name}/{number}_{reviewer.pick(ratings)}.txt", text
                    number += 1


def write(root: Path) -> None:
    """Writes the archive of all reviews below `root`."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in generate():
            member = tarfile.TarInfo(f"aclImdb/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    (root / ARCHIVE).parent.mkdir(parents=True, exist_ok=True)
    (root / ARCHIVE).write_bytes(gzip.compress(raw.getvalue(), mtime=0))
