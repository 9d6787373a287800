import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bertline.artifacts import (
    digest,
    file_sha256,
    files_of,
    new_artifact,
    read_json,
    read_manifest,
    write_json,
)
from bertline.errors import CheckpointError, ConfigError, DataError
from bertline.examples import LabelledText, Slot, write_split
from bertline.features.records import read_features
from bertline.features.spec import InputSpec, TokenizerSpec
from bertline.features.tagged_text import encode_tagged_examples
from bertline.stages.tokenize import Settings, run
from tests.features.toys import LABELS, SPLITS, toy_tokenizer, write_encoder, write_examples


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    return write_encoder(tmp_path / "encoder")


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    return write_examples(tmp_path / "examples")


def rows_of(features: Path, split: str) -> list[tuple[str, dict[str, Any]]]:
    read = read_features(features, split)
    records = [read.record(row) for row in range(len(read))]
    return [(r.id, {name: r[name].tolist() for name in sorted(r.columns)}) for r in records]


def test_the_artifact_tells_all_about_itself(tmp_path: Path, examples: Path, encoder: Path) -> None:
    features = tmp_path / "features"
    run(Settings(max_seq_length=9), examples=examples, encoder=encoder, features=features)
    manifest = read_manifest(features, "features")
    assert manifest.about == {
        "task": "snips",
        "example_kind": "tagged_text",
        "labels": LABELS,
        "inputs": InputSpec(max_seq_length=9).model_dump(),
        "vocab_sha256": file_sha256(encoder / "vocab.txt"),
        "tokenizer": TokenizerSpec().model_dump(mode="json"),
        "counts": {"train": 8, "dev": 3, "test": 1},
        "truncated": {"train": 1, "dev": 1, "test": 0},
        # MILES fills 9 of 9 tokens; "play jazz in par ##is" with [CLS] and [SEP] has 7.
        "lengths": {"train": {"8": 7, "16": 1}, "dev": {"8": 2, "16": 1}, "test": {"8": 1}},
        # [UNK] are 好, the emojis together and 201 x.
        "tokens": {"train": 17, "dev": 7, "test": 5},
        "unknown": {"train": 3, "dev": 0, "test": 0},
        "shards": {split: [f"{split}-00000-of-00001.tfrecord"] for split in SPLITS},
    }
    assert {str(file.relative_to(features)) for file in files_of(features)} == {
        "manifest.json",
        "vocab.txt",
        *(f"{split}-00000-of-00001.tfrecord" for split in SPLITS),
    }


def test_pairs_need_an_encoder_with_two_segments(tmp_path: Path, encoder: Path) -> None:
    config = read_json(encoder / "encoder.json")
    write_json(encoder / "encoder.json", config | {"type_vocab_size": 1})
    texts = [LabelledText("a", "play some", "x", "jazz")]
    about = {
        "task": "mrpc",
        "example_kind": "labelled_text",
        "counts": {"train": 1},
        "labels": {"classes": ["x"]},
        "report": {},
    }
    with new_artifact(tmp_path / "examples", "examples", about) as folder:
        write_split(folder / "train.jsonl", texts)
    paths = {"examples": tmp_path / "examples", "encoder": encoder}
    with pytest.raises(DataError, match=r"the first example is a pair, but .*type_vocab_size 1"):
        run(Settings(max_seq_length=9), **paths, features=tmp_path / "features")


def test_the_records_are_those_of_the_encoder(
    tmp_path: Path, examples: Path, encoder: Path
) -> None:
    run(Settings(max_seq_length=9), examples=examples, encoder=encoder, features=tmp_path / "f")
    for split, rows in SPLITS.items():
        expected = encode_tagged_examples(toy_tokenizer(), rows, LABELS, 9)
        if split == "test":
            for record in expected:
                del record.columns["tag_ids"], record.columns["intent_id"]
        assert rows_of(tmp_path / "f", split) == [
            (record.id, {name: record[name].tolist() for name in sorted(record.columns)})
            for record in expected
        ]


def test_two_runs_give_equal_bytes(tmp_path: Path, examples: Path, encoder: Path) -> None:
    for name in ("one", "two"):
        settings = Settings(max_seq_length=16, num_shards=2)
        run(settings, examples=examples, encoder=encoder, features=tmp_path / name)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")


def test_any_number_of_shards_holds_the_same_rows(
    tmp_path: Path, examples: Path, encoder: Path
) -> None:
    for number in (1, 4):
        settings = Settings(max_seq_length=16, num_shards=number)
        run(settings, examples=examples, encoder=encoder, features=tmp_path / str(number))
    one, four = (read_manifest(tmp_path / name, "features").about for name in ("1", "4"))
    assert four["shards"]["dev"] == [f"dev-{n:05d}-of-00004.tfrecord" for n in range(4)]
    assert {**one, "shards": {}} == {**four, "shards": {}}
    for split in SPLITS:
        assert rows_of(tmp_path / "1", split) == rows_of(tmp_path / "4", split)


def test_tagged_texts_are_read_from_the_head(tmp_path: Path, examples: Path, encoder: Path) -> None:
    settings = Settings(max_seq_length=9, truncation="tail")
    with pytest.raises(ConfigError, match="truncation 'tail': snips is read from the head"):
        run(settings, examples=examples, encoder=encoder, features=tmp_path / "features")


def test_max_seq_length_must_fit_the_encoder(tmp_path: Path, examples: Path, encoder: Path) -> None:
    with pytest.raises(ConfigError, match="max_seq_length 17 is more than the 16 positions"):
        run(Settings(max_seq_length=17), examples=examples, encoder=encoder, features=tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        {"max_seq_length": 2},
        {"num_shards": 0},
        {"shards": 2},
        {"num_shards": 2, "shard": 2},
        {"beam_runner": "dask"},
    ],
)
def test_settings_are_checked(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="tokenize: "):
        Settings.parse(values, where="tokenize")


@pytest.mark.parametrize("values", [{"beam_runner": "dataflow"}, {"beam_options": ["--projet=a"]}])
def test_options_of_beam_are_checked_with_the_settings(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"^tokenize\.beam_options: "):
        Settings.parse(values, where="tokenize")


def test_bad_data_leaves_nothing_behind(tmp_path: Path, examples: Path, encoder: Path) -> None:
    bad = dataclasses.replace(SPLITS["test"][0], intent="BookTaxi")
    write_split(examples / "dev.jsonl", [bad, *SPLITS["dev"][1:]])
    with pytest.raises(DataError, match=r"dev\.jsonl:1: example 'e0': label 'BookTaxi'"):
        run(
            Settings(max_seq_length=16),
            examples=examples,
            encoder=encoder,
            features=tmp_path / "features",
        )
    assert {path.name for path in tmp_path.iterdir()} == {"examples", "encoder"}


def test_test_examples_may_have_labels_that_training_lacks(
    tmp_path: Path, examples: Path, encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = dataclasses.replace(SPLITS["test"][0], intent="BookTaxi", slots=(Slot("x", 0, 4),))
    write_split(examples / "test.jsonl", [unknown])
    features = tmp_path / "features"
    run(Settings(max_seq_length=16), examples=examples, encoder=encoder, features=features)
    assert read_manifest(features, "features").about["labels"] == LABELS
    assert [id for id, _ in rows_of(features, "test")] == ["e0"]
    # 3 of 18 tokens: 好, the emojis together and 201 x.
    assert capsys.readouterr().out.splitlines() == [
        "-- truncated: 0.0 % of train, 0.0 % of dev, 0.0 % of test; [UNK] among tokens: "
        "16.7 % of train, 0.0 % of dev, 0.0 % of test",
        "-- warning: 16.7 % of the tokens of train are [UNK]: the vocabulary does not know this "
        "text; take a checkpoint of its language",
    ]


def test_a_vocabulary_is_checked_first(tmp_path: Path, examples: Path, encoder: Path) -> None:
    (encoder / "vocab.txt").write_text("a\n")
    with pytest.raises(CheckpointError, match="no entry"):
        run(
            Settings(max_seq_length=16),
            examples=examples,
            encoder=encoder,
            features=tmp_path / "features",
        )


def test_no_stage_of_tokenization_imports_tensorflow_or_keras() -> None:
    code = (
        "import sys, bertline.stages.tokenize as stage\n"
        "stage.Settings()\n"
        "assert 'apache_beam' not in sys.modules\n"
        "import bertline.features.beam\n"
        "print(*{'tensorflow', 'keras', 'kfp', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_predicting_needs_neither_protobuf_nor_beam() -> None:
    code = (
        "import sys, bertline.features.batches, bertline.features.tagged_answers\n"
        "print(*{'google.protobuf', 'google_crc32c', 'apache_beam'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
