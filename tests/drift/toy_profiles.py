"""Profiles and examples that can be worked out by hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bertline.artifacts import new_artifact
from bertline.drift.profile import Profile, Side
from bertline.examples import Example, LabelledText, write_split

SIDE: dict[str, Any] = {
    "count": 100,
    "labels": {"classes": {"bad": 40, "good": 60}},
    "lengths": {"8": 50, "16": 50},
    "empty": 0.0,
    "duplicates": 0.1,
    "unknown": 0.01,
}


def make_side(**changes: Any) -> Side:
    return Side.parse(SIDE | changes, where="toy")


def make_profile(
    learnt: Side | None = None,
    test: Side | None = None,
    content: str = "aaa",
    leaked: float = 0.05,
) -> Profile:
    learnt, test = learnt or make_side(), test or make_side()
    return Profile(content=content, learnt=learnt, test=test, leaked=leaked)


def text(content: str, label: str = "good") -> LabelledText:
    return LabelledText(f"id of {content}", content, label)


def write_examples(
    path: Path, splits: Mapping[str, Sequence[Example]], kind: str = "labelled_text"
) -> Path:
    """An examples artifact as ingest writes it, of the task imdb or snips."""
    about: dict[str, Any] = {
        "task": "snips" if kind == "tagged_text" else "imdb",
        "example_kind": kind,
        "counts": {name: len(split) for name, split in splits.items()},
        "report": {"test_in_train": []},
    }
    with new_artifact(path, "examples", about) as folder:
        for name, split in splits.items():
            write_split(folder / f"{name}.jsonl", split)
    return path
