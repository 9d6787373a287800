from pathlib import Path

import pytest

from bertline.artifacts import new_artifact, read_json, write_json
from bertline.errors import DataError
from bertline.evaluation.material import Material, pick
from bertline.features.spec import InputSpec
from bertline.modeling.config import ModelSpec
from bertline.modeling.families.bert.config import BertConfig
from tests.evaluation.toy_material import LABELS, TEST, write_material
from tests.toy_model import MAX_SEQ_LENGTH, VOCABULARY

CALIBRATION = ["train-0", "train-1", "train-2"]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """The artifacts exported, features, examples."""
    examples, features = write_material(tmp_path)
    spec = ModelSpec(
        task="snips",
        head="intent_slots",
        encoder=BertConfig(
            vocab_size=len(VOCABULARY),
            hidden_size=4,
            num_hidden_layers=1,
            num_attention_heads=1,
            intermediate_size=4,
        ),
        labels=LABELS,
        inputs=InputSpec(max_seq_length=MAX_SEQ_LENGTH),
    )
    with new_artifact(tmp_path / "exported", "exported") as folder:
        write_json(folder / "model.json", spec.model_dump())
        (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    return tmp_path / "exported", features, examples


def gather(folders: tuple[Path, Path, Path]) -> Material:
    return Material.gather(
        *folders,
        calibration_ids=CALIBRATION,
        agreement_examples=4,
        latency_examples=2,
        throughput_examples=9,
    )


def test_gathers_the_truth_and_the_rows(folders: tuple[Path, Path, Path]) -> None:
    material = gather(folders)
    assert [truth.intent for truth in material.truths] == ["PlayMusic", "RateBook", "RateBook"]
    assert [truth.tags for truth in material.truths] == [
        ["O", "O", "B-genre"],
        ["O", "B-artist", "I-artist", "O"],
        ["O"] * 6,
    ]
    assert material.leaked.tolist() == [True, False, False]
    assert material.test.examples == TEST
    assert len(material.agreement.examples) == 4
    assert not {example.id for example in material.agreement.examples} & {*CALIBRATION}
    assert len(material.latency_rows) == 2
    assert material.throughput_rows.tolist() == [0, 1, 2]


def test_the_truth_covers_words_that_were_cut_off(folders: tuple[Path, Path, Path]) -> None:
    exported, features, examples = folders
    long = {**read_json(exported / "model.json"), "inputs": {"max_seq_length": 4}}
    write_json(exported / "model.json", long)
    assert len(gather((exported, features, examples)).truths[2].tags) == 6


def test_other_labels_are_refused(folders: tuple[Path, Path, Path]) -> None:
    exported, *rest = folders
    other = {**read_json(exported / "model.json"), "labels": {"intents": ["x"], "tags": ["O"]}}
    write_json(exported / "model.json", other)
    with pytest.raises(DataError, match="labels are not those of"):
        gather((exported, rest[0], rest[1]))


def test_features_of_other_examples_are_refused(folders: tuple[Path, Path, Path]) -> None:
    *_, examples = folders
    lines = (examples / "test.jsonl").read_text().splitlines()
    (examples / "test.jsonl").write_text("\n".join(reversed(lines)) + "\n")
    with pytest.raises(DataError, match="'test' is not made from"):
        gather(folders)


def test_pick_is_by_id_and_not_by_place() -> None:
    ids = [f"id-{n}" for n in range(50)]
    chosen = {ids[row] for row in pick(ids, 10)}
    assert len(chosen) == 10
    assert {ids[::-1][row] for row in pick(ids[::-1], 10)} == chosen
    assert pick(ids, 10).tolist() == sorted(pick(ids, 10).tolist())
    rest = [row for row in range(50) if ids[row] not in chosen]
    assert pick(ids, 100, excluded=chosen).tolist() == rest
    assert pick([], 5).tolist() == []
