"""Tokenization by one task a shard, really through kfp.local."""

import contextlib
import dataclasses
import io
from pathlib import Path
from typing import Any

import docker
import pytest
from kfp import dsl

from bertline.artifacts import digest, read_manifest
from bertline.errors import StageError
from bertline.stages.tokenize import Settings, run
from components.image import IMAGE, component
from pipelines.compose import cached_under
from pipelines.containers import PREFIX, Containers
from pipelines.graph import stage_of
from pipelines.learning import tokenized
from pipelines.local import Place, Runner, in_subprocesses, run_locally
from tests.features.toys import SPLITS, write_encoder, write_examples
from tests.pipelines.toy_engine import Engine

SETTINGS = Settings(max_seq_length=9, num_shards=3)
STAGES = ["given", "given_2", "tokenize", "tokenize", "tokenize", "merge_features"]


@component
def given(folder: str, made: dsl.Output[dsl.Artifact]) -> None:
    """Copies an artifact that was made before the pipeline."""
    import shutil

    shutil.copytree(folder, made.path)


def toy_line(tmp_path: Path, has_condition: bool) -> Any:
    """Examples and encoder → three tokenize tasks → merge_features."""
    configure = cached_under({stage: f"key of {stage}" for stage in STAGES})

    def finish(*tasks: Any) -> None:
        for task in tasks:
            configure(stage_of(task.name), task)

    def line(settings: str) -> None:
        examples = given(folder=str(tmp_path / "examples"))
        encoder = given(folder=str(tmp_path / "encoder"))
        finish(examples, encoder)
        with dsl.If(settings != "") if has_condition else contextlib.nullcontext():
            tokenized(
                SETTINGS.num_shards,
                finish,
                settings=settings,
                examples=examples.outputs["made"],
                encoder=encoder.outputs["made"],
            )

    return dsl.pipeline(line, name="toy-line")


def spread(
    tmp_path: Path, has_condition: bool = False, runner: Runner = in_subprocesses
) -> tuple[Path, list[str]]:
    """The features and, of the lines shown, those of stages that were run."""
    place, terminal = Place(tmp_path / "runs"), io.StringIO()
    line = toy_line(tmp_path, has_condition)
    with place.locked():
        outputs = run_locally(line, {"settings": SETTINGS.to_json()}, place, terminal, runner)
    features = outputs.stages["merge_features"]["features"]
    shown = [line.split() for line in terminal.getvalue().splitlines()]
    done = [stage for stage, *text in shown if text[0] == "done"]
    # Nothing says which of the two that are given is first.
    return Path(features.uri), sorted(done, key=STAGES.index)


def write_inputs(tmp_path: Path) -> Path:
    """Examples and an encoder; the features that one task makes of them."""
    write_examples(tmp_path / "examples")
    write_encoder(tmp_path / "encoder")
    inputs = {name: tmp_path / name for name in ("examples", "encoder")}
    run(SETTINGS, **inputs, features=tmp_path / "alone")
    return tmp_path / "alone"


@pytest.mark.parametrize("has_condition", [False, True])
def test_tasks_write_the_bytes_of_one_and_are_cached_each(
    has_condition: bool, tmp_path: Path
) -> None:
    alone = write_inputs(tmp_path)
    features, ran = spread(tmp_path, has_condition)
    assert digest(features) == digest(alone)
    assert ran == STAGES

    assert spread(tmp_path, has_condition) == (features, [])

    # What a damaged cache lacks is made again, and nothing else.
    (features / "vocab.txt").unlink()
    (part,) = tmp_path.glob("runs/artifacts/*/*-iteration-1/tokenize/features")
    assert read_manifest(part, "features_shard").about["shard"] == 1
    (part / "train-00001-of-00003.tfrecord").unlink()
    again, ran = spread(tmp_path, has_condition)
    assert ran == ["tokenize", "merge_features"]
    assert digest(again) == digest(features)


def test_each_task_may_be_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine()
    monkeypatch.setattr(docker, "from_env", lambda: engine)
    alone = write_inputs(tmp_path)
    runner = Containers("sha256:1f", frozenset({tmp_path / "examples", tmp_path / "encoder"}))
    features, ran = spread(tmp_path, runner=runner)
    assert digest(features) == digest(alone)
    assert ran == STAGES
    assert [created["image"] for created in engine.created] == [f"{PREFIX}{IMAGE}"] * len(STAGES)
    for created in engine.created:
        assert created["volumes"][str(tmp_path / "runs")]["mode"] == "rw"
        assert created["volumes"][str(tmp_path / "examples")]["mode"] == "ro"
    assert spread(tmp_path, runner=runner) == (features, [])
    assert len(engine.created) == len(STAGES)


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
