import hashlib
import json
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bertline.artifacts import digest, read_manifest
from bertline.errors import ConfigError, DataError, StorageError
from bertline.examples import TaggedText, read_split
from bertline.stages import ingest
from tests.storage.gcs_server import Cloud

Chunks = list[dict[str, str]]


def slot(text: str, label: str) -> dict[str, str]:
    return {"text": text, "entity": label}


TRAIN: list[Chunks] = [
    [{"text": f"play song {number} by "}, slot("Ana", "artist")] for number in range(8)
]
TEST: list[Chunks] = [[{"text": "sing "}, slot("Ana", "artist")]]


def write_snips(
    folder: Path, train: Sequence[Chunks] = TRAIN, test: Sequence[Chunks] = TEST
) -> Path:
    """`folder` in the layout of SNIPS with one intent, "Play"."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, utterances in (
        ("train_Play_full", train),
        ("train_Play", train[:4]),
        ("validate_Play", test),
    ):
        content = {"Play": [{"data": chunks} for chunks in utterances]}
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def ingested(source: Path | Sequence[Path], target: Path, **settings: Any) -> Path:
    sources = str(source) if isinstance(source, Path) else [str(path) for path in source]
    values = {"source": sources, "dev_size": 3, **settings}
    ingest.run(ingest.Settings.parse(values, where="test"), examples=target)
    return target


def split(artifact: Path, name: str) -> list[TaggedText]:
    read = read_split(artifact / f"{name}.jsonl", "tagged_text")
    return [example for example in read if isinstance(example, TaggedText)]


def test_splits_labels_and_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    artifact = ingested(write_snips(tmp_path / "snips"), tmp_path / "examples")
    about = read_manifest(artifact, "examples").about
    assert about == {
        "task": "snips",
        "example_kind": "tagged_text",
        "counts": {"train": 5, "dev": 3, "test": 1},
        "labels": {"intents": ["Play"], "slots": ["artist"]},
        "report": {
            "cp1252_files": 0,
            "cp1252_lines": 0,
            "trimmed_slots": 0,
            "empty_slots": 0,
            "mid_word_slots": 0,
            "unread": 0,
            "unread_names": [],
            "unknown_label_examples": 0,
            "unknown_labels": [],
            "test_in_train": [],
        },
    }
    texts = {name: [e.text for e in split(artifact, name)] for name in about["counts"]}
    assert sorted(texts["train"] + texts["dev"]) == [f"play song {n} by Ana" for n in range(8)]
    assert texts["test"] == ["sing Ana"]
    assert capsys.readouterr().out == "-- snips: 5 train, 3 dev, 1 test; 1 intents, 1 slots\n"


def test_a_bucket_gives_what_a_folder_gives(cloud: Cloud, tmp_path: Path) -> None:
    folder = write_snips(tmp_path / "snips")
    address = cloud.put_folder(folder, "sets/snips")
    artifact = tmp_path / "from bucket"
    values = {"source": address, "dev_size": 3}
    ingest.run(ingest.Settings.parse(values, where="test"), examples=artifact)
    assert digest(artifact) == digest(ingested(folder, tmp_path / "from folder"))


def test_equal_files_give_equal_artifacts_from_folder_and_archives(tmp_path: Path) -> None:
    folder = write_snips(tmp_path / "snips")
    with zipfile.ZipFile(tmp_path / "snips.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"nlu-benchmark/2017/Play/{file.name}")
    with tarfile.open(tmp_path / "snips.tgz", "w:gz") as archive:
        archive.add(folder, "snips")
    digests = {
        digest(ingested(tmp_path / name, tmp_path / "out" / name))
        for name in ("snips", "snips.zip", "snips.tgz")
    }
    assert len(digests) == 1


def test_small_files(tmp_path: Path) -> None:
    folder = write_snips(tmp_path / "snips")
    artifact = ingested(folder, tmp_path / "examples", small_files=True, dev_size=1)
    assert read_manifest(artifact, "examples").about["counts"]["train"] == 3


def test_leaked_test_utterances_are_counted_and_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leaked: Chunks = [{"text": " PLAY song 1 by "}, slot("ana", "artist"), {"text": "\n"}]
    folder = write_snips(tmp_path / "snips", test=[*TEST, leaked])
    about = read_manifest(ingested(folder, tmp_path / "examples"), "examples").about
    assert about["report"]["test_in_train"] == ["validate_Play-1"]
    assert about["counts"]["test"] == 2
    assert "1 test examples are in training too; they stay in test" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"test": [[{"text": "in "}, slot("Rome", "city")]]},
            DataError,
            r"validate_Play-0: 'city' is not among the slots of training, in 'in Rome'; correct",
        ),
        ({"test": []}, DataError, "no test examples; give files that hold some"),
        ({"train": []}, DataError, "no train examples; give files that hold some"),
        (
            {"train": TRAIN[:5]},
            ConfigError,
            "dev_size 3 is more than half of 5 training examples; lower dev_size",
        ),
    ],
)
def test_what_cannot_be_trained_on_is_told_and_nothing_written(
    tmp_path: Path, changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    folder = write_snips(tmp_path / "snips", **changed)
    with pytest.raises(error, match=message):
        ingested(folder, tmp_path / "out" / "examples")
    assert not (tmp_path / "out").exists()


def test_an_intent_that_training_has_not_is_told(tmp_path: Path) -> None:
    folder = write_snips(tmp_path / "snips")
    content = {"Rate": [{"data": [{"text": "five stars"}]}]}
    (folder / "validate_Rate.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="'Rate' is not among the intents of training"):
        ingested(folder, tmp_path / "examples")


def test_labels_that_only_test_has_count_as_errors_or_are_dropped(tmp_path: Path) -> None:
    unknown: Chunks = [{"text": "in "}, slot("Rome", "city")]
    folder = write_snips(tmp_path / "snips", test=[*TEST, unknown])
    for policy, texts in (("count", ["sing Ana", "in Rome"]), ("drop", ["sing Ana"])):
        artifact = ingested(folder, tmp_path / policy, unknown_test_labels=policy)
        about = read_manifest(artifact, "examples").about
        assert [example.text for example in split(artifact, "test")] == texts
        assert about["labels"]["slots"] == ["artist"]
        assert about["report"]["unknown_label_examples"] == 1
        assert about["report"]["unknown_labels"] == ["city"]
    told = "of 2 test examples 1 have such labels: unknown_test_labels count takes them as errors"
    with pytest.raises(DataError, match=told):
        ingested(folder, tmp_path / "refused")
    with pytest.raises(DataError, match="no test example has only labels of training"):
        alone = write_snips(tmp_path / "alone", test=[unknown])
        ingested(alone, tmp_path / "none", unknown_test_labels="drop")


def test_sources_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no such file or folder"):
        ingested(tmp_path / "missing", tmp_path / "examples")
    whole = tmp_path / "whole.tgz"
    with tarfile.open(whole, "w:gz") as archive:
        archive.add(write_snips(tmp_path / "snips"), "snips")
    (tmp_path / "cut.tgz").write_bytes(whole.read_bytes()[:-100])
    with pytest.raises(StorageError, match="cut.tgz: not a whole zip or tar archive"):
        ingested(tmp_path / "cut.tgz", tmp_path / "examples")
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    with pytest.raises(DataError, match=f"^{tmp_path}/empty.tar: no file train_<Intent>_full.json"):
        ingested(tmp_path / "empty.tar", tmp_path / "examples")
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as evil:
        evil.writestr("../evil.json", "{}")
    with pytest.raises(StorageError, match=r"member '\.\./evil\.json' leads out of the folder"):
        ingested(tmp_path / "evil.zip", tmp_path / "examples")
    assert not (tmp_path / "examples").exists()


def test_an_unknown_task_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown task 'snip'; did you mean 'snips'"):
        ingested(tmp_path, tmp_path / "examples", task="snip")


def test_fewer_training_examples_are_chosen_by_text_and_dev_stays(tmp_path: Path) -> None:
    folder = write_snips(tmp_path / "snips")
    whole = ingested(folder, tmp_path / "whole")
    few = ingested(folder, tmp_path / "few", max_train_examples=3)
    assert split(few, "dev") == split(whole, "dev")
    assert len(split(few, "train")) == 3
    assert [e for e in split(whole, "train") if e in split(few, "train")] == split(few, "train")
    more = ingested(folder, tmp_path / "more", max_train_examples=4)
    assert set(split(few, "train")) < set(split(more, "train"))


def test_files_of_several_sources_are_one_dataset(tmp_path: Path) -> None:
    folder = write_snips(tmp_path / "snips")
    files = [folder / "train_Play_full.json", folder / "validate_Play.json"]
    sums = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    artifact = ingested(files, tmp_path / "examples", sha256=sums)
    assert digest(artifact) == digest(ingested(folder, tmp_path / "whole"))
    with pytest.raises(StorageError, match="validate_Play.json: SHA-256 is "):
        ingested(files, tmp_path / "examples", sha256=[sums[0], sums[0]])


def zipped(file: Path, content: dict[str, str]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return file


def reviews(place: str, numbers: range) -> dict[str, str]:
    return {f"aclImdb/{place}/{number}_5.txt": f"{place} {number}" for number in numbers}


@pytest.mark.parametrize("in_one_folder", [True, False])
def test_halves_of_a_dataset_in_two_archives(tmp_path: Path, in_one_folder: bool) -> None:
    places = ("train/pos", "train/neg", "test/pos", "test/neg")
    halves = [range(4), range(4, 8)]
    files = [
        zipped(
            tmp_path / "data" / f"half{number}.zip",
            {name: text for place in places for name, text in reviews(place, half).items()},
        )
        for number, half in enumerate(halves)
    ]
    (tmp_path / "data" / "README.md").write_text("Two halves.")
    source = tmp_path / "data" if in_one_folder else files
    about = read_manifest(ingested(source, tmp_path / "examples", task="imdb"), "examples").about
    assert about["counts"] == {"train": 13, "dev": 3, "test": 16}
    assert about["report"]["unread"] == 0


def test_messages_name_the_sources_and_what_is_in_them(tmp_path: Path) -> None:
    content = {"d/train_Play_full.json": "{", "d/validate_Play.json": "{}"}
    one = zipped(tmp_path / "one.zip", content)
    with pytest.raises(DataError, match=rf"^{one}/d/train_Play_full\.json: malformed JSON"):
        ingested(one, tmp_path / "examples")
    two = zipped(tmp_path / "two.zip", {"d/train_Play_full.json": "{"})
    told = f"^{two}/d/train_Play_full.json: Play is also in {one}/d/train_Play_full.json; give"
    with pytest.raises(DataError, match=told):
        ingested([one, two], tmp_path / "examples")
    file = tmp_path / "train_Play_full.json"
    file.write_text("{")
    test = write_snips(tmp_path / "snips") / "validate_Play.json"
    with pytest.raises(DataError, match=rf"^{file}: malformed JSON"):
        ingested([test, file], tmp_path / "examples")
    folder = tmp_path / "folder"
    zipped(folder / "data.zip", content)
    with pytest.raises(DataError, match=rf"^{folder}/data\.zip/d/train_Play_full\.json: malf"):
        ingested(folder, tmp_path / "examples")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"source": []}, r"test: key 'source' = \[\]: Value should have at least 1 item"),
        ({"source": None}, "test: key 'source' = None: Input should be a valid array"),
        ({"sha256": ["0" * 64] * 2}, "key 'sha256' .* 2 checksums for 1 sources; give one each"),
        ({"sha256": ["0"]}, r"key 'sha256\.0' = '0': String should match pattern"),
        ({"max_train_examples": 0}, "key 'max_train_examples' = 0: Input should be greater"),
    ],
)
def test_wrong_settings_are_told(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ingest.Settings.parse({"source": "data", **settings}, where="test")


def test_unlabelled_text_needs_no_test_split_and_may_be_one_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "reviews.txt"
    file.write_text("\n\n".join(f"Review {number}.\nGood." for number in range(8)))
    artifact = ingested(file, tmp_path / "examples", task="text")
    about = read_manifest(artifact, "examples").about
    assert about["counts"] == {"train": 5, "dev": 3, "test": 0}
    assert about["labels"] == {}
    assert capsys.readouterr().out == "-- text: 5 train, 3 dev, 0 test\n"
    assert (artifact / "test.jsonl").read_bytes() == b""


@pytest.mark.real
def test_real_snips(shared: Path, tmp_path: Path) -> None:
    artifact = ingested(shared / "data" / "snips", tmp_path / "examples", dev_size=700)
    about = read_manifest(artifact, "examples").about
    assert about["counts"] == {"train": 13_084, "dev": 700, "test": 700}
    assert len(about["report"]["test_in_train"]) == 9
    assert (len(about["labels"]["intents"]), len(about["labels"]["slots"])) == (7, 39)


@pytest.mark.real
@pytest.mark.slow
def test_real_reviews(shared: Path, tmp_path: Path) -> None:
    source = shared / "data" / "imdb" / "aclImdb_v1.tar.gz"
    artifact = ingested(source, tmp_path / "examples", task="imdb", dev_size=1000)
    about = read_manifest(artifact, "examples").about
    assert about["counts"] == {"train": 24_000, "dev": 1_000, "test": 12_500}
    assert about["report"]["line_breaks"] == 152_486
