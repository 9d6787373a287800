"""Logits of tagged texts in, intents and slots out."""

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertline.examples import Slot
from bertline.features.answers import Item, Logits, Meanings
from bertline.features.batches import FeatureSet, Record
from bertline.features.tagged_text import Labels


@dataclass(frozen=True, slots=True)
class TaggedAnswer:
    """What a model says of one text.

    intent: the most probable one. probability: its softmax, 0 to 1. slots: in text order.
    tags: one a word of the text; words cut off by truncation have "O". truncated: whether the
    text was too long for the model, so that only its beginning was read.
    """

    intent: str
    probability: float
    slots: tuple[Slot, ...]
    tags: list[str]
    truncated: bool = False

    def aspects(self) -> dict[str, Any]:
        """The intent and the slots."""
        return {"intent": self.intent, "slots": self.slots}

    def lines(self, item: Item) -> list[str]:
        """The intent with its probability, and a line for each slot."""
        cut = ", of the beginning of a too long text" if self.truncated else ""
        first = f"intent: {self.intent} ({self.probability:.3f}{cut})"
        return [first, *(f"{slot.label}: {item[slot.start : slot.end]}" for slot in self.slots)]

    def as_json(self, item: Item) -> dict[str, Any]:
        """Intent, probability, slots with their texts, and whether the text was truncated."""
        slots = [{**asdict(slot), "text": item[slot.start : slot.end]} for slot in self.slots]
        return {
            "intent": self.intent,
            "probability": round(self.probability, 6),
            "slots": slots,
            "truncated": self.truncated,
        }


def decode_tagged_texts(
    items: Sequence[Item],
    features: FeatureSet,
    logits: Sequence[Logits],
    meanings: Meanings,
) -> list[TaggedAnswer]:
    """One answer a text, from its row of `features` and its logits (see `decode_tagged_text`)."""
    return [
        decode_tagged_text(
            features.record(row),
            of_row["intent_logits"],
            of_row["slot_logits"],
            meanings.labels,
        )
        for row, of_row in enumerate(logits)
    ]


def decode_tagged_text(
    record: Record,
    intent_logits: NDArray[np.float32],
    slot_logits: NDArray[np.float32],
    labels: Labels,
) -> TaggedAnswer:
    """The answer for the text that is encoded as `record`.

    intent_logits: float32 [intents]. slot_logits: float32 [length, tags], of which the rows
    after the record's tokens are padding. labels: "intents" and "tags", in the logits' order.
    """
    logits = intent_logits.astype(np.float64)
    best = int(logits.argmax())
    probability = 1 / np.exp(logits - logits[best]).sum()
    first_tokens = np.flatnonzero(record["word_starts"])
    kept = likeliest_tags(slot_logits[first_tokens], tuple(labels["tags"]))
    cut_off = int(record["num_words"][0]) - len(kept)
    return TaggedAnswer(
        intent=labels["intents"][best],
        probability=float(probability),
        slots=slots_of(kept, word_spans(record)),
        tags=kept + ["O"] * cut_off,
        truncated=len(record["input_ids"]) < int(record["num_tokens"][0]),
    )


def likeliest_tags(logits: NDArray[np.float32], tags: tuple[str, ...]) -> list[str]:
    """The most probable sequence of tags in which "I-x" follows only "B-x" or "I-x".

    logits: float32 [words, tags], those of each word apart from the others'. The sequence is found
    by the Viterbi algorithm (Forney 1973).
    """
    if not len(logits):
        return []
    follows = _follows(tags)
    # Differences of logits are those of log-probabilities. A text begins as after "O".
    scores = logits[0] + follows[tags.index("O")]
    best_before = []
    for row in logits[1:]:
        paths = scores[:, None] + follows
        best_before.append(paths.argmax(axis=0))
        scores = paths.max(axis=0) + row
    path = [int(scores.argmax())]
    for before in reversed(best_before):
        path.append(int(before[path[-1]]))
    return [tags[tag] for tag in reversed(path)]


@functools.cache
def _follows(tags: tuple[str, ...]) -> NDArray[np.float32]:
    """0 where tag j may follow tag i, else −∞; float32 [tags, tags]."""
    return np.array(
        [
            [-np.inf if tag[0] == "I" and before[1:] != tag[1:] else 0 for tag in tags]
            for before in tags
        ],
        np.float32,
    )


def word_spans(record: Record) -> list[tuple[int, int]]:
    """Characters [start, end) of each word of the text that the record's tokens cover."""
    starts, ends = record["starts"].tolist(), record["ends"].tolist()
    first_tokens = [*np.flatnonzero(record["word_starts"]).tolist(), len(starts) - 1]
    return [
        (starts[first], max(ends[first:following])) for first, following in pairwise(first_tokens)
    ]


def slots_of(tags: list[str], spans: list[tuple[int, int]]) -> tuple[Slot, ...]:
    """The slots that tags mean, by the rule of the CoNLL evaluation (conlleval).

    A slot starts at "B-x", and at "I-x" after "O" or after a tag of another label.
    tags: one a word. spans: characters [start, end) of the words.
    """
    slots: list[Slot] = []
    previous = "O"
    for tag, (start, end) in zip(tags, spans, strict=True):
        if tag != "O":
            label = tag[2:]
            if tag[0] == "I" and previous[2:] == label:
                start = slots.pop().start
            slots.append(Slot(label, start, end))
        previous = tag
    return tuple(slots)
