"""Tagged texts in, records of token ids and labels out."""

from collections.abc import Mapping, Sequence

import numpy as np

from bertline.errors import DataError
from bertline.examples import Slot, TaggedText
from bertline.features.batches import Record
from bertline.features.tokenizer import Encoding, Tokenizer

Labels = Mapping[str, list[str]]

NOT_A_WORD_START = -1


def tag_labels(slot_names: Sequence[str]) -> list[str]:
    """The classes of the tag output: "O", then "B-x" and "I-x" for each slot name in order."""
    return ["O", *(f"{prefix}-{name}" for name in slot_names for prefix in "BI")]


def word_tags(encoding: Encoding, slots: Sequence[Slot]) -> list[str]:
    """The tag of each word: "B-x" on the first word of a slot, "I-x" on its others, else "O".

    A word is in the slot that covers its first character.
    """
    tags = []
    previous = None
    for first in encoding.first_tokens:
        start = encoding.starts[first]
        slot = next((slot for slot in slots if slot.start <= start < slot.end), None)
        if slot is None:
            tags.append("O")
        else:
            tags.append(f"I-{slot.label}" if slot == previous else f"B-{slot.label}")
        previous = slot
    return tags


def encode_tagged_texts(
    tokenizer: Tokenizer, texts: Sequence[str], max_seq_length: int
) -> list[Record]:
    """One record without labels a text; its id is the text's number, from "0".

    Columns, T being the tokens kept, [CLS] and [SEP] included, at most max_seq_length:
    input_ids [T]; starts, ends [T]: characters in the text, 0 and 0 for [CLS] and [SEP];
    word_starts [T]: 1 on the first token of a word, else 0; num_tokens, num_words [1]: of the
    text before truncation (num_tokens > T says that it was truncated).
    """
    encodings = tokenizer.encode(texts)
    return [
        _record(tokenizer, str(number), encoding, max_seq_length)
        for number, encoding in enumerate(encodings)
    ]


def encode_tagged_examples(
    tokenizer: Tokenizer, examples: Sequence[TaggedText], labels: Labels, max_seq_length: int
) -> list[Record]:
    """As `encode_tagged_texts`, with the examples' ids and two more columns.

    tag_ids [T]: the class of the word's tag on its first token, else -1; intent_id [1].
    labels: "intents" and "tags". Raises DataError for an intent or a slot that is not in them.
    """
    intent_ids = {intent: number for number, intent in enumerate(labels["intents"])}
    tag_ids = {tag: number for number, tag in enumerate(labels["tags"])}
    encodings = tokenizer.encode([example.text for example in examples])
    records = []
    for example, encoding in zip(examples, encodings, strict=True):
        record = _record(tokenizer, example.id, encoding, max_seq_length)
        try:
            tags = [tag_ids[tag] for tag in word_tags(encoding, example.slots)]
            intent_id = intent_ids[example.intent]
        except KeyError as error:
            raise DataError(
                f"example {example.id!r}: label {error} is not one of the training data's; "
                "correct the label or add it to the training data"
            ) from None
        is_start = record["word_starts"] == 1
        column = np.full(len(is_start), NOT_A_WORD_START, np.int32)
        column[is_start] = tags[: np.count_nonzero(is_start)]
        record.columns["tag_ids"] = column
        record.columns["intent_id"] = np.array([intent_id], np.int32)
        records.append(record)
    return records


def _record(tokenizer: Tokenizer, id: str, encoding: Encoding, max_seq_length: int) -> Record:
    kept = max_seq_length - 2
    firsts = encoding.first_tokens
    ids = [tokenizer.cls_id, *encoding.ids[:kept], tokenizer.sep_id]
    word_starts = np.zeros(len(ids), np.int32)
    word_starts[[first + 1 for first in firsts if first < kept]] = 1
    columns = {
        "input_ids": np.array(ids, np.int32),
        "starts": np.array([0, *encoding.starts[:kept], 0], np.int32),
        "ends": np.array([0, *encoding.ends[:kept], 0], np.int32),
        "word_starts": word_starts,
        "num_tokens": np.array([len(encoding.ids) + 2], np.int32),
        "num_words": np.array([len(firsts)], np.int32),
    }
    return Record(id, columns)
