"""SNIPS custom intent engines (Coucke et al. 2018, arXiv:1805.10190): intents and slots.

Layout, anywhere below the folder given: train_<Intent>_full.json, validate_<Intent>.json (the test
split of the literature) and train_<Intent>.json (300 of the `_full` ones). Each file is
`{"<Intent>": [{"data": [{"text": "play "}, {"text": "jazz", "entity": "genre"}]}, …]}`, and the
name of the intent is the one in the file.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bertline.datasets.dataset import ENCODING_ODDITIES, Dataset, decoded, files_below, unread
from bertline.errors import DataError
from bertline.examples import Slot, TaggedText
from bertline.json_values import parse_json

TRAIN_FILES = "train_<Intent>_full.json"
SMALL_TRAIN_FILES = "train_<Intent>.json"
TEST_FILES = "validate_<Intent>.json"
ODDITIES = (*ENCODING_ODDITIES, "trimmed_slots", "empty_slots", "mid_word_slots")


def read(folder: Path) -> Dataset:
    """The utterances of all intents below `folder`, in the order of intents and lines.

    The report counts files that are not UTF-8, their lines read as Windows-1252, slots with white
    space at an end (left out), slots of white space only (dropped), slots that begin or end inside
    a word (kept), and what is not read. Raises DataError for missing files, malformed JSON, an
    utterance without text, an intent or an entity without a name.
    """
    return _read(folder, TRAIN_FILES)


def read_small(folder: Path) -> Dataset:
    """As `read`, with train_<Intent>.json instead of train_<Intent>_full.json."""
    return _read(folder, SMALL_TRAIN_FILES)


def _read(folder: Path, train_form: str) -> Dataset:
    counts = Counter(dict.fromkeys(ODDITIES, 0))
    files = {form: _find(folder, form) for form in (TRAIN_FILES, SMALL_TRAIN_FILES, TEST_FILES)}
    for form in (train_form, TEST_FILES):
        if not files[form]:
            raise DataError(
                f"{folder}: no file {form} below it; give a folder with the SNIPS layout"
            )
    known = [file for of_form in files.values() for file in of_form]
    return Dataset(
        train=[utterance for file in files[train_form] for utterance in _utterances(file, counts)],
        test=[utterance for file in files[TEST_FILES] for utterance in _utterances(file, counts)],
        report={**counts, **unread(folder, known)},
    )


def spell(chunks: list[dict[str, Any]]) -> tuple[str, list[Slot]]:
    """The text that the chunks spell, joined as they are, and its slots.

    Slots are trimmed: text[start:end] is the chunk's text without white space at its ends, and
    may be empty. Raises AttributeError, KeyError or TypeError for what are not chunks.
    """
    text = ""
    slots = []
    for chunk in chunks:
        value, label = chunk["text"], chunk.get("entity")
        if not isinstance(value, str) or not isinstance(label, str | None):
            raise TypeError("a chunk's text and entity are strings")
        if label is not None:
            start = len(text) + len(value) - len(value.lstrip())
            slots.append(Slot(label, start, start + len(value.strip())))
        text += value
    return text, slots


def _find(folder: Path, form: str) -> list[Path]:
    """The files below `folder` whose names have the form: one for each intent, by intent."""
    pattern = re.compile(re.escape(form).replace("<Intent>", r"(.+)(?<!_full)"))
    files: dict[str, Path] = {}
    for file in files_below(folder, "*.json"):
        match = pattern.fullmatch(file.name)
        if match and match[1] in files:
            raise DataError(f"{file}: {match[1]} is also in {files[match[1]]}; give one of them")
        if match:
            files[match[1]] = file
    return [files[intent] for intent in sorted(files)]


def _utterances(file: Path, counts: Counter[str]) -> Iterator[TaggedText]:
    number = 0
    for intent, utterances in _content(file, counts).items():
        if not intent.strip():
            raise DataError(f"{file}: an intent without a name; give it one")
        for index, utterance in enumerate(utterances):
            place = f"{file}: utterance {index} of {intent}"
            try:
                text, slots = spell(utterance["data"])
                "".join([text, intent, *(slot.label for slot in slots)]).encode()
            except (AttributeError, KeyError, TypeError, UnicodeEncodeError):
                raise DataError(
                    f"{place}: no text in {json.dumps(utterance)[:80]}; expected "
                    '{"data": [{"text": …}, …]}'
                ) from None
            if not text.strip():
                raise DataError(f"{place}: no text; remove the utterance or give it one")
            if any(not slot.label.strip() for slot in slots):
                raise DataError(f"{place}: an entity without a name; give it one or remove it")
            kept = [slot for slot in slots if slot.start < slot.end]
            counts["empty_slots"] += len(slots) - len(kept)
            counts["trimmed_slots"] += sum(_has_white_end(chunk) for chunk in utterance["data"])
            counts["mid_word_slots"] += sum(_splits_word(text, slot) for slot in kept)
            yield TaggedText(f"{file.stem}-{number}", text, intent, tuple(kept))
            number += 1


def _content(file: Path, counts: Counter[str]) -> dict[str, list[Any]]:
    """The JSON object of a file: intent → utterances."""
    content = parse_json(decoded(file.read_bytes(), counts), str(file))
    if not isinstance(content, dict) or not all(isinstance(v, list) for v in content.values()):
        raise DataError(f"{file}: not in the form of SNIPS; expected {{intent: [utterance, …]}}")
    return content


def _has_white_end(chunk: dict[str, str]) -> bool:
    """Whether the chunk is a slot with white space before or after its value."""
    value = chunk["text"]
    return chunk.get("entity") is not None and "" != value.strip() != value


def _splits_word(text: str, slot: Slot) -> bool:
    return any(
        0 < end < len(text) and text[end - 1].isalnum() and text[end].isalnum()
        for end in (slot.start, slot.end)
    )
