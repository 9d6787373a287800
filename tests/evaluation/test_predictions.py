import json
from pathlib import Path

import pytest

from bertline.errors import DataError
from bertline.evaluation.judges import judge_for
from bertline.evaluation.judges.bio import Truth
from bertline.evaluation.predictions import read_counts, write_predictions
from bertline.examples import Slot, TaggedText
from bertline.features.tagged_answers import TaggedAnswer
from bertline.tasks import get_task


def test_counts_are_read_back_from_the_lines(tmp_path: Path) -> None:
    examples = [TaggedText("a", "play zoë", "Play", (Slot("artist", 5, 8),))]
    truths = [Truth("Play", ["O", "B-artist"])]
    answers = [TaggedAnswer("Play", 0.9, (Slot("genre", 5, 8),), ["O", "B-genre"])]
    counts = judge_for(get_task("snips")).counts(truths, answers)
    write_predictions(tmp_path, "openvino_int8", examples, ["play zoë"], answers, counts)
    text = (tmp_path / "predictions/openvino_int8.jsonl").read_text(encoding="utf-8")
    line = json.loads(text)
    assert (line["id"], line["text"]) == ("a", "play zoë")
    assert (line["intent"], line["slots"]) == ("Play", [{"label": "artist", "start": 5, "end": 8}])
    assert line["answer"] == {
        "intent": "Play",
        "probability": 0.9,
        "slots": [{"label": "genre", "start": 5, "end": 8, "text": "zoë"}],
        "truncated": False,
    }
    assert "zoë" in text
    assert read_counts(tmp_path, "openvino_int8").tolist() == [[1, 1, 0, 0, 1, 1]]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such predictions"):
        read_counts(tmp_path, "openvino_int4")
