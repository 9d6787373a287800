"""Writes the sample data: utterances in the on-disk format of the SNIPS nlu-benchmark.

    python -m samples.grammar

A carrier phrase (carriers/<Intent>.yaml) is filled with slot values (values/*.yaml); then letter
case, fillers and typing mistakes vary. Test carriers and values never occur in training, but for
the closed classes of values/closed.yaml. The same seed gives the same bytes.
"""

import json
import random
import re
import string
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

HERE = Path(__file__).parent
ENGINES = Path("snips") / "2017-06-custom-intent-engines"
SEED = 20170601
TRAIN_PER_INTENT, SMALL_PER_INTENT, TEST_PER_INTENT = 400, 70, 60

FILLER_RATE, TYPO_RATE, LOWER_RATE, TITLE_RATE, UPPER_RATE = 0.2, 0.05, 0.4, 0.1, 0.02
ALTERNATIVES = re.compile(r"\(([^()]*)\)")
PLACE = re.compile(r"<(\w+)(?::(\w+))?>")

Chunk = dict[str, str]
T = TypeVar("T")


def load(folder: str) -> dict[str, dict[str, Any]]:
    """The contents of the YAML files of samples/<folder>, by file name without suffix."""
    files = sorted((HERE / folder).glob("*.yaml"))
    return {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}


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


class Speaker:
    """Makes utterances of one split; every random choice comes from one seeded generator."""

    def __init__(self, split: str, seed: str) -> None:
        self.values = {
            symbol: [str(value) for value in lists.get("both", []) + lists.get(split, [])]
            for file in load("values").values()
            for symbol, lists in file.items()
        }
        self._random = random.Random(seed)

    def utterances(self, carriers: Sequence[str]) -> Iterator[list[Chunk]]:
        """Endless utterances that use the carriers evenly."""
        while True:
            for carrier in sorted(carriers, key=lambda _: self._random.random()):
                yield self.utterance(carrier)

    def utterance(self, carrier: str) -> list[Chunk]:
        """One utterance as SNIPS chunks: {"text": …} or {"text": …, "entity": slot name}."""
        if self._happens(FILLER_RATE):
            carrier = f"{self._pick(self.values['opening'])} {carrier}"
        if self._happens(FILLER_RATE):
            carrier = f"{carrier} {self._pick(self.values['ending'])}"
        carrier = self._choose_alternatives(carrier)
        chunks: list[Chunk] = []
        position = 0
        for place in PLACE.finditer(carrier):
            chunks.append({"text": carrier[position : place.start()]})
            chunks.append({"text": self.value(place[2] or place[1]), "entity": place[1]})
            position = place.end()
        chunks.append({"text": carrier[position:] + self._ending(carrier)})
        chunks = [chunk for chunk in chunks if chunk["text"]]
        self._vary_case(chunks)
        if self._happens(TYPO_RATE):
            self._mistype(self._pick(chunks))
        return chunks

    def value(self, symbol: str) -> str:
        """One value of a symbol, with the symbols inside it replaced by values of theirs."""
        template = self._pick(self.values[symbol])
        text = PLACE.sub(lambda place: self.value(place[1]), template)
        return text.replace("s's", "s'")

    def _choose_alternatives(self, carrier: str) -> str:
        chosen = ALTERNATIVES.sub(lambda match: self._pick(match[1].split("|")), carrier)
        return re.sub(r" +", " ", chosen).strip().replace(" ,", ",")

    def _ending(self, carrier: str) -> str:
        asks = carrier.split()[0] in {"what", "is", "will", "where", "when", "how", "can", "could"}
        if self._happens(0.5):
            return ""
        return "?" if asks else self._pick(["", "", "."])

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
        word = self._pick(words)
        at = 1 + int(self._random.random() * (len(word) - 3))
        swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        mistakes = [swapped, word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]]
        chunk["text"] = chunk["text"].replace(word, self._pick(mistakes), 1)

    def _pick(self, items: Sequence[T]) -> T:
        return items[int(self._random.random() * len(items))]

    def _happens(self, rate: float) -> bool:
        return self._random.random() < rate


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


if __name__ == "__main__":
    write(HERE)
