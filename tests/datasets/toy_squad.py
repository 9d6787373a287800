"""SQuAD files small enough to read by eye."""

import json
from pathlib import Path
from typing import Any

import pytest

from bertline.datasets import squad
from bertline.datasets.dataset import Dataset
from bertline.errors import DataError

CONTEXT = "Miles Davis  was born in Alton (Illinois)\nin 1926. Davis played jazz."
READERS = {"1.1": squad.read_v1, "2.0": squad.read_v2}


def asked(id: str, *answers: tuple[str, int], **more: Any) -> dict[str, Any]:
    given = [{"text": text, "answer_start": start} for text, start in answers]
    return {"id": id, "question": f"{id}?", "answers": given, **more}


def content(*questions: dict[str, Any], context: object = CONTEXT, version: str = "1.1") -> Any:
    paragraph = {"context": context, "qas": list(questions)}
    return {"version": version, "data": [{"title": "Miles", "paragraphs": [paragraph]}]}


def write(folder: Path, number: str, **files: Any) -> Path:
    """`folder` with train and dev of a version: JSON values, text or bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev"):
        given = files.get(split, content(asked(f"{split}0", ("1926", 45)), version=number))
        if not isinstance(given, str | bytes):
            given = json.dumps(given)
        raw = given if isinstance(given, bytes) else given.encode()
        (folder / f"{split}-v{number}.json").write_bytes(raw)
    return folder


def read_one(folder: Path, number: str = "1.1", **files: Any) -> Dataset:
    return READERS[number](write(folder, number, **files))


def error_of(folder: Path, number: str = "1.1", **files: Any) -> str:
    with pytest.raises(DataError) as caught:
        read_one(folder, number, **files)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{folder}/", "")
