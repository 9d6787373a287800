"""Texts and pairs of texts in, records out; logits in, classes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertline.errors import DataError
from bertline.examples import LabelledText
from bertline.features.answers import Item, Logits, Meanings
from bertline.features.batches import FeatureSet, Record
from bertline.features.spec import InputSpec, Truncation
from bertline.features.tokenizer import Tokenizer

Labels = Mapping[str, list[str]]


def encode_texts(tokenizer: Tokenizer, items: Sequence[Item], inputs: InputSpec) -> list[Record]:
    """One record without a label an item; its id is the item's number, from "0".

    Columns: input_ids [T]: [CLS], text, [SEP] and, of a pair, second text, [SEP], T being at most
    max_seq_length; segment_ids [T]: 1 from the second text on; num_tokens [1]: before truncation.
    Of a pair that is too long the longer text loses its last token until it fits.
    """
    pairs = [item if isinstance(item, tuple) else (item, None) for item in items]
    seconds = [second for _, second in pairs if second is not None]
    encodings = tokenizer.encode([first for first, _ in pairs] + seconds)
    firsts = [encoding.ids for encoding in encodings[: len(pairs)]]
    others = iter([encoding.ids for encoding in encodings[len(pairs) :]])
    return [
        _record(tokenizer, str(number), ids, None if second is None else next(others), inputs)
        for number, (ids, (_, second)) in enumerate(zip(firsts, pairs, strict=True))
    ]


def encode_labelled_texts(
    tokenizer: Tokenizer, examples: Sequence[LabelledText], labels: Labels, inputs: InputSpec
) -> list[Record]:
    """As `encode_texts`, with the examples' ids and the column label_id [1].

    labels: "classes". Raises DataError for a label that is not in them.
    """
    label_ids = {name: number for number, name in enumerate(labels["classes"])}
    records = encode_texts(tokenizer, [item_of(example) for example in examples], inputs)
    labelled = []
    for example, record in zip(examples, records, strict=True):
        if example.label not in label_ids:
            raise DataError(
                f"example {example.id!r}: class {example.label!r} is not one of the training "
                "data's; add training examples of it or correct the label"
            )
        columns = {**record.columns, "label_id": np.array([label_ids[example.label]], np.int32)}
        labelled.append(Record(example.id, columns))
    return labelled


def item_of(example: LabelledText) -> Item:
    """The text, or the pair of texts, that an example is about."""
    if example.second_text is None:
        return example.text
    return example.text, example.second_text


def _record(
    tokenizer: Tokenizer, id: str, first: list[int], second: list[int] | None, inputs: InputSpec
) -> Record:
    specials = 2 if second is None else 3
    num_tokens = len(first) + len(second or ()) + specials
    kept, other = truncated_lengths(len(first), len(second or ()), inputs.max_seq_length - specials)
    if second is None:
        first = truncated(first, kept, inputs.truncation)
    ids = [tokenizer.cls_id, *first[:kept], tokenizer.sep_id]
    segments = np.zeros(len(ids), np.int32)
    if second is not None:
        tail = [*second[:other], tokenizer.sep_id]
        ids += tail
        segments = np.concatenate([segments, np.ones(len(tail), np.int32)])
    columns = {
        "input_ids": np.array(ids, np.int32),
        "segment_ids": segments,
        "num_tokens": np.array([num_tokens], np.int32),
    }
    return Record(id, columns)


def truncated(ids: list[int], room: int, truncation: Truncation) -> list[int]:
    """The `room` tokens that are kept of a text, all where it has no more; see InputSpec."""
    if len(ids) <= room:
        return ids
    from_head = {"head": room, "tail": 0, "head_tail": room // 4}[truncation]
    return ids[:from_head] + ids[len(ids) - (room - from_head) :]


def truncated_lengths(first: int, second: int, room: int) -> tuple[int, int]:
    """Lengths of two texts after the longer, at a tie the second, lost tokens until both fit.

    As in run_classifier.py of google-research/bert; room: tokens for both.
    """
    excess = first + second - room
    if excess <= 0:
        return first, second
    # First the longer comes down to the shorter, then they take turns, the second first.
    from_longer = min(excess, abs(first - second))
    if first > second:
        first -= from_longer
    else:
        second -= from_longer
    rest = excess - from_longer
    return first - rest // 2, second - (rest + 1) // 2


@dataclass(frozen=True, slots=True)
class LabelAnswer:
    """The class a model gives an item; probabilities: of each class, in the model's order."""

    label: str
    probabilities: dict[str, float]
    truncated: bool = False

    def aspects(self) -> dict[str, Any]:
        """The class."""
        return {"class": self.label}

    def lines(self, item: Item) -> list[str]:
        """Label and the probability of each class."""
        each = ", ".join(f"{name} {value:.3f}" for name, value in self.probabilities.items())
        return [f"{self.label} ({each})"]

    def as_json(self, item: Item) -> dict[str, Any]:
        """Label, probabilities and whether the item was truncated."""
        rounded = {name: round(value, 6) for name, value in self.probabilities.items()}
        return {"label": self.label, "probabilities": rounded, "truncated": self.truncated}


def decode_labelled_texts(
    items: Sequence[Item],
    features: FeatureSet,
    logits: Sequence[Logits],
    meanings: Meanings,
) -> list[LabelAnswer]:
    """One answer an item, from its row of `features` and its label_logits float32 [classes]."""
    return [
        _answer(of_row["label_logits"], meanings.labels["classes"], _is_truncated(features, row))
        for row, of_row in enumerate(logits)
    ]


def _answer(logits: NDArray[np.float32], classes: Sequence[str], truncated: bool) -> LabelAnswer:
    exponentials = np.exp(logits.astype(np.float64) - logits.max())
    probabilities = exponentials / exponentials.sum()
    label = classes[int(logits.argmax())]
    return LabelAnswer(label, dict(zip(classes, probabilities.tolist(), strict=True)), truncated)


def _is_truncated(features: FeatureSet, row: int) -> bool:
    return int(features.columns["num_tokens"][row][0]) > int(features.lengths[row])
