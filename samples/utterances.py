"""Utterances in the on-disk format of the SNIPS nlu-benchmark.

A carrier phrase (carriers/<Intent>.yaml) is filled with slot values (values/*.yaml); then letter
case, fillers and typing mistakes vary. Test carriers and values never occur in training, but for
the closed classes of values/closed.yaml.
"""

import json
import re
import string
from collections.abc import Iterator, Sequence
from pathlib import Path

from samples.templates import PLACE, Templates, lists_of, load

ENGINES = Path("snips") / "2017-06-custom-intent-engines"
SEED = 20170601
TRAIN_PER_INTENT, SMALL_PER_INTENT, TEST_PER_INTENT = 400, 70, 60

FILLER_RATE, TYPO_RATE, LOWER_RATE, TITLE_RATE, UPPER_RATE = 0.2, 0.05, 0.4, 0.1, 0.02
Chunk = dict[str, str]


def closed_words() -> set[str]:
    """The slot values, in lower case, that training and test may share."""
    lists = load("values")["closed"].values()
    return {str(word).casefold() for words in lists for word in words["both"]}


def skeleton(chunks: Sequence[Chunk]) -> str:
    """The utterance with slot names for values: what a held-out carrier must not share."""
    return "".join(f"<{c['entity']}>" if "entity" in c else c["text"] for c in chunks).casefold()


def values_of(chunks: Sequence[Chunk]) -> set[str]:
    """The slot values of an utterance in lower case."""
    return {chunk["text"].casefold() for chunk in chunks if "entity" in chunk}


def text_of(chunks: Sequence[Chunk]) -> str:
    """The utterance's text."""
    return "".join(chunk["text"] for chunk in chunks)


class Speaker(Templates):
    """Makes utterances of one split."""

    def __init__(self, split: str, seed: str) -> None:
        super().__init__(lists_of(load("values").values(), split), seed)

    def utterances(self, carriers: Sequence[str]) -> Iterator[list[Chunk]]:
        """Endless utterances that use the carriers evenly."""
        while True:
            for carrier in self.sample(carriers, len(carriers)):
                yield self.utterance(carrier)

    def utterance(self, carrier: str) -> list[Chunk]:
        """One utterance as SNIPS chunks: {"text": …} or {"text": …, "entity": slot name}."""
        if self.happens(FILLER_RATE):
            carrier = f"{self.pick(self.lists['opening'])} {carrier}"
        if self.happens(FILLER_RATE):
            carrier = f"{carrier} {self.pick(self.lists['ending'])}"
        carrier = self.choose(carrier)
        chunks: list[Chunk] = []
        position = 0
        for place in PLACE.finditer(carrier):
            chunks.append({"text": carrier[position : place.start()]})
            chunks.append({"text": self.value(place[2] or place[1]), "entity": place[1]})
            position = place.end()
        chunks.append({"text": carrier[position:] + self._ending(carrier)})
        chunks = [chunk for chunk in chunks if chunk["text"]]
        self._vary_case(chunks)
        if self.happens(TYPO_RATE):
            self._mistype(self.pick(chunks))
        return chunks

    def _ending(self, carrier: str) -> str:
        asks = carrier.split()[0] in {"what", "is", "will", "where", "when", "how", "can", "could"}
        if self.happens(0.5):
            return ""
        return "?" if asks else self.pick(["", "", "."])

    def _vary_case(self, chunks: Sequence[Chunk]) -> None:
        style = self._random.random()
        for chunk in chunks:
            if style < LOWER_RATE:
                chunk["text"] = chunk["text"].lower()
            elif style < LOWER_RATE + TITLE_RATE and "entity" in chunk:
                chunk["text"] = string.capwords(chunk["text"])
            elif style > 1 - UPPER_RATE:
                chunk["text"] = chunk["text"].upper()
        if style > 0.7:
            chunks[0]["text"] = chunks[0]["text"][0].upper() + chunks[0]["text"][1:]

    def _mistype(self, chunk: Chunk) -> None:
        words = re.findall(r"[a-z]{5,}", chunk["text"])
        if not words:
            return
        word = self.pick(words)
        at = 1 + int(self._random.random() * (len(word) - 3))
        swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        mistakes = [swapped, word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]]
        chunk["text"] = chunk["text"].replace(word, self.pick(mistakes), 1)


def generate() -> dict[str, dict[str, list[list[Chunk]]]]:
    """All utterances: intent → {"train": …, "test": …}, no text twice, test held out."""
    carriers, closed = load("carriers"), closed_words()
    splits: dict[str, dict[str, list[list[Chunk]]]] = {intent: {} for intent in carriers}
    texts: set[str] = set()
    held: set[str] = set()
    for split, count in (("train", TRAIN_PER_INTENT), ("test", TEST_PER_INTENT)):
        made: set[str] = set()
        for intent, phrases in carriers.items():
            speaker = Speaker(split, f"{SEED} {intent} {split}")
            chosen = splits[intent].setdefault(split, [])
            for chunks in speaker.utterances(phrases[split]):
                marks = {skeleton(chunks), *(values_of(chunks) - closed)}
                if text_of(chunks).casefold() in texts or marks & held:
                    continue
                texts.add(text_of(chunks).casefold())
                made |= marks
                chosen.append(chunks)
                if len(chosen) == count:
                    break
        held = made
    return splits


def write(root: Path) -> None:
    """Writes the three files of every intent below `root`, as the benchmark lays them out."""
    for intent, splits in generate().items():
        folder = root / ENGINES / intent
        folder.mkdir(parents=True, exist_ok=True)
        for name, utterances in (
            (f"train_{intent}_full", splits["train"]),
            (f"train_{intent}", splits["train"][:SMALL_PER_INTENT]),
            (f"validate_{intent}", splits["test"]),
        ):
            content = {intent: [{"data": chunks} for chunks in utterances]}
            text = json.dumps(content, indent=2, ensure_ascii=False)
            (folder / f"{name}.json").write_text(text, encoding="utf-8")
