"""Tokenization by one task a shard, really through kfp.local."""

import dataclasses
import io
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from bertline.artifacts import digest, read_manifest
from bertline.errors import StageError
from bertline.stages.tokenize import Settings, run
from components.image import component
from pipelines.compose import tokenized
from pipelines.local import Place, run_locally
from tests.features.toys import SPLITS, write_encoder, write_examples

SETTINGS = Settings(max_seq_length=9, num_shards=3)


@component
def given(folder: str, made: dsl.Output[dsl.Artifact]) -> None:
    """Copies an artifact that was made before the pipeline."""
    import shutil

    shutil.copytree(folder, made.path)


def toy_line(tmp_path: Path, key: str) -> Any:
    """Examples and encoder → three tokenize tasks → merge_features."""

    def cache(*tasks: Any, in_loop: bool = False) -> None:
        for task in tasks:
            task.set_caching_options(True, **({} if in_loop else {"cache_key": key + task.name}))
            if in_loop:
                task.set_env_variable("KEY", key)

    def line(settings: str) -> dsl.Dataset:
        examples = given(folder=str(tmp_path / "examples"))
        encoder = given(folder=str(tmp_path / "encoder"))
        cache(examples, encoder)
        made: dsl.Dataset = tokenized(
            SETTINGS.num_shards,
            cache,
            settings=settings,
            examples=examples.outputs["made"],
            encoder=encoder.outputs["made"],
        )
        return made

    return dsl.pipeline(line, name="toy-line")


def spread(tmp_path: Path, key: str = "one") -> tuple[Path, list[str]]:
    """The features and, of the lines shown, those of stages that were run."""
    place, terminal = Place(tmp_path / "runs"), io.StringIO()
    with place.locked():
        outputs = run_locally(
            toy_line(tmp_path, key), {"settings": SETTINGS.to_json()}, place, terminal
        )
    shown = [line.split() for line in terminal.getvalue().splitlines()]
    return Path(outputs["Output"].uri), [stage for stage, *text in shown if text[0] == "done"]


def test_tasks_write_the_bytes_of_one_and_are_cached_each(tmp_path: Path) -> None:
    write_examples(tmp_path / "examples")
    write_encoder(tmp_path / "encoder")
    run(
        SETTINGS,
        examples=tmp_path / "examples",
        encoder=tmp_path / "encoder",
        features=tmp_path / "alone",
    )
    features, ran = spread(tmp_path)
    assert digest(features) == digest(tmp_path / "alone")
    assert ran == ["given", "given_2", "tokenize", "tokenize", "tokenize", "merge_features"]

    assert spread(tmp_path) == (features, [])

    # What a damaged cache lacks is made again, and nothing else.
    (features / "vocab.txt").unlink()
    (part,) = tmp_path.glob("runs/artifacts/*/*-iteration-1/tokenize/features")
    assert read_manifest(part, "features_shard").about["shard"] == 1
    (part / "train-00001-of-00003.tfrecord").unlink()
    again, ran = spread(tmp_path)
    assert ran == ["tokenize", "merge_features"]
    assert digest(again) == digest(features)


def test_wrong_data_in_a_shard_is_one_line_and_ends_the_loop(tmp_path: Path) -> None:
    bad = dataclasses.replace(SPLITS["train"][0], intent="BookTaxi")
    write_examples(tmp_path / "examples", {**SPLITS, "train": [bad, *SPLITS["train"][1:]]})
    write_encoder(tmp_path / "encoder")
    with pytest.raises(StageError) as raised:
        spread(tmp_path)
    assert raised.value.exit_code == 2
    assert "tokenize: " in str(raised.value)
    assert "train.jsonl:1: example 't0': label 'BookTaxi'" in str(raised.value)
    # The other shards are right, but nothing is begun any more.
    assert not list(tmp_path.glob("runs/artifacts/*/*-iteration-*/tokenize/features/manifest.json"))
