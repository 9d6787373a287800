import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from samples import utterances as grammar
from samples.templates import HERE, load

ENGINES = HERE / grammar.ENGINES
INTENTS = sorted(folder.name for folder in ENGINES.iterdir())
FILES = ("train_{}_full", "train_{}", "validate_{}")


def utterances(form: str) -> Iterator[list[dict[str, str]]]:
    """The chunks of each utterance in all files of a form."""
    for intent in INTENTS:
        text = (ENGINES / intent / f"{form.format(intent)}.json").read_text(encoding="utf-8")
        content: dict[str, Any] = json.loads(text)
        assert list(content) == [intent]
        for utterance in content[intent]:
            assert list(utterance) == ["data"]
            yield utterance["data"]


def test_counts() -> None:
    counts = [sum(1 for _ in utterances(form)) for form in FILES]
    assert counts == [2_800, 490, 420]


def test_chunks_have_the_form_of_snips() -> None:
    for form in FILES:
        for chunks in utterances(form):
            assert all(list(chunk) in (["text"], ["text", "entity"]) for chunk in chunks)
            assert all(
                chunk["text"].strip() == chunk["text"] for chunk in chunks[1:] if "entity" in chunk
            )
            assert not any("<" in chunk["text"] or "|" in chunk["text"] for chunk in chunks)


def test_no_utterance_occurs_twice() -> None:
    full, small, test = (
        [grammar.text_of(chunks).casefold() for chunks in utterances(form)] for form in FILES
    )
    assert len({*full, *test}) == len(full) + len(test)
    assert set(small) < set(full)


def test_carriers_and_values_of_test_are_held_out() -> None:
    train, test = list(utterances("train_{}_full")), list(utterances("validate_{}"))
    assert not {grammar.skeleton(c) for c in train} & {grammar.skeleton(c) for c in test}
    shared = values(train) & values(test)
    assert shared <= grammar.closed_words()
    assert not any(value.istitle() for value in shared)


def values(split: list[list[dict[str, str]]]) -> set[str]:
    return {value for chunks in split for value in grammar.values_of(chunks)}


def test_carrier_lists_of_train_and_test_are_disjoint() -> None:
    for carriers in load("carriers").values():
        assert not set(carriers["train"]) & set(carriers["test"])


def test_every_slot_of_test_is_in_training() -> None:
    train, test = (
        {chunk["entity"] for chunks in utterances(form) for chunk in chunks if "entity" in chunk}
        for form in ("train_{}_full", "validate_{}")
    )
    assert train == test
    assert len(train) == 39


@pytest.mark.real
def test_no_utterance_is_one_of_snips(shared: Path) -> None:
    real = {
        "".join(chunk["text"] for chunk in utterance["data"]).strip().casefold()
        for file in (shared / "data" / "snips").rglob("*.json")
        for content in json.loads(file.read_text(encoding="latin-1")).values()
        for utterance in content
    }
    ours = {grammar.text_of(chunks).casefold() for form in FILES for chunks in utterances(form)}
    # A few of the shortest coincide, as "play music from 2014" does.
    assert len(real & ours) < 10
    assert all(len(text.split()) <= 6 for text in real & ours)
