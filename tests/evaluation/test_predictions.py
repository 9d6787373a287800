import json
from pathlib import Path

import pytest

from bertline.errors import DataError
from bertline.evaluation.material import Truth
from bertline.evaluation.predictions import read_counts, write_predictions
from bertline.examples import Slot, TaggedText
from bertline.features.decode import TaggedAnswer


def test_counts_are_read_back_from_the_lines(tmp_path: Path) -> None:
    examples = [TaggedText("a", "play zoë", "Play", (Slot("artist", 5, 8),))]
    truths = [Truth("Play", ["O", "B-artist"])]
    answers = [TaggedAnswer("Play", 0.9, (Slot("genre", 5, 8),), ["O", "B-genre"])]
    write_predictions(tmp_path, "openvino_int8", examples, truths, answers)
    text = (tmp_path / "predictions/openvino_int8.jsonl").read_text(encoding="utf-8")
    line = json.loads(text)
    assert (line["id"], line["text"]) == ("a", "play zoë")
    assert line["truth"] == {"intent": "Play", "tags": ["O", "B-artist"]}
    assert {key: line["answer"][key] for key in ("intent", "probability", "slots", "tags")} == {
        "intent": "Play",
        "probability": 0.9,
        "slots": [{"label": "genre", "start": 5, "end": 8}],
        "tags": ["O", "B-genre"],
    }
    assert "zoë" in text
    assert read_counts(tmp_path, "openvino_int8").tolist() == [[1, 1, 0, 0, 1, 1]]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such predictions"):
        read_counts(tmp_path, "openvino_int4")
