from pathlib import Path

import pytest
from kfp import dsl

from bertline.stages import merge_features, tokenize
from pipelines.notes import NOTES, notes_of
from tests.features.toys import write_encoder, write_examples


@pytest.mark.parametrize("stage", NOTES)
def test_notes_are_those_of_the_manifest(
    tmp_path: Path, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    examples, encoder = write_examples(tmp_path / "examples"), write_encoder(tmp_path / "encoder")
    outputs = {"examples": dsl.Artifact(uri=str(examples))}
    expected = ["snips: 8 train, 3 dev, 1 test; 2 intents, 2 slots"]
    if stage != "ingest":
        features = tmp_path / "features"
        settings = tokenize.Settings(max_seq_length=16)
        if stage == "merge_features":
            parts = [tmp_path / str(number) for number in range(2)]
            for number, part in enumerate(parts):
                shard = settings.model_copy(update={"num_shards": 2, "shard": number})
                tokenize.run(shard, examples=examples, encoder=encoder, features=part)
            merge_features.run(merge_features.Settings(), shards=parts, features=features)
        else:
            tokenize.run(settings, examples=examples, encoder=encoder, features=features)
        outputs = {"features": dsl.Artifact(uri=str(features))}
        expected = [line.removeprefix("-- ") for line in capsys.readouterr().out.splitlines()]
        assert len(expected) == 2
    assert notes_of(stage, outputs) == expected


def test_other_stages_and_turns_of_a_loop_have_no_notes() -> None:
    assert notes_of("finetune", {"model": None}) == []
    assert notes_of("tokenize", {}) == []
