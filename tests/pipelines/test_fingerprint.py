import json
import shutil
from pathlib import Path

import pytest

from bertline.tables.stages import STAGES as TABLE
from pipelines import fingerprint as module
from pipelines.recipe import PIPELINES
from tests.pipelines.test_compose import RETRAIN_UPSTREAM, UPSTREAM

READS_REGISTRY = {stage.name for stage in TABLE.values() if stage.reads_registry}
STAGES = tuple(stage for stage in PIPELINES["train"] if stage not in READS_REGISTRY)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "train.json").write_text("[]")
    return folder


@pytest.fixture(autouse=True)
def code(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Module → its version; tests of code_version itself are in tests/test_code_version.py."""
    stages = (*PIPELINES["retrain"], "merge_features")
    versions = {f"bertline.stages.{stage}": "old" for stage in stages}
    monkeypatch.setattr(module, "code_version", versions.__getitem__)
    return versions


@pytest.fixture
def settings(source: Path) -> dict[str, str]:
    values = {stage: f'{{"of": "{stage}"}}' for stage in STAGES}
    values["ingest"] = json.dumps({"source": [str(source)]})
    values["import_checkpoint"] = json.dumps({"checkpoint": str(source)})
    return values


def fingerprints(
    settings: dict[str, str], upstream: dict[str, list[str]], image_id: str = ""
) -> dict[str, str]:
    """Those of the stages that do not look at the registry anew in each run."""
    found = module.fingerprints(settings, upstream, image_id)
    return {stage: value for stage, value in found.items() if stage not in READS_REGISTRY}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {stage for stage in STAGES if before[stage] != after[stage]}


AFTER_TOKENIZE = {"finetune", "export", "evaluate"}


def test_equal_for_equal_inputs(settings: dict[str, str]) -> None:
    first = fingerprints(settings, UPSTREAM)
    assert fingerprints(dict(settings), UPSTREAM) == first
    assert len(set(first.values())) == len(STAGES)


def test_settings_reach_their_stage_and_those_after_it(settings: dict[str, str]) -> None:
    before = fingerprints(settings, UPSTREAM)
    for stage, expected in {
        "publish": set(),
        "export": {"export", "evaluate"},
        "tokenize": {"tokenize", *AFTER_TOKENIZE},
    }.items():
        after = fingerprints({**settings, stage: '{"of": "another"}'}, UPSTREAM)
        assert changed(before, after) == expected


def test_content_of_the_data_counts_and_nothing_else_about_it(
    settings: dict[str, str], source: Path
) -> None:
    before = fingerprints(settings, UPSTREAM)
    (source / "train.json").touch()
    assert fingerprints(settings, UPSTREAM) == before
    (source / "train.json").write_text("[1]")
    after = fingerprints(settings, UPSTREAM)
    assert changed(before, after) == set(STAGES)


def test_content_of_every_source_counts(settings: dict[str, str], source: Path) -> None:
    other = source.parent / "test.json"
    other.write_text("[]")
    settings["ingest"] = json.dumps({"source": [str(source), str(other)]})
    before = fingerprints(settings, UPSTREAM)
    other.write_text("[1]")
    assert changed(before, fingerprints(settings, UPSTREAM)) >= {"ingest"}


def test_an_address_with_a_checksum_is_not_asked(settings: dict[str, str]) -> None:
    pinned = {"source": ["http://localhost:1/a.zip"], "sha256": ["0" * 64]}
    settings["ingest"] = json.dumps(pinned)
    assert fingerprints(settings, UPSTREAM) == fingerprints(settings, UPSTREAM)


def test_code_of_a_stage_counts(settings: dict[str, str], code: dict[str, str]) -> None:
    before = fingerprints(settings, UPSTREAM)
    code["bertline.stages.export"] = "new"
    after = fingerprints(settings, UPSTREAM)
    assert changed(before, after) == {"export", "evaluate"}


def test_code_of_a_component_counts(
    settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fingerprints(settings, UPSTREAM)
    copy = tmp_path / "components"
    shutil.copytree(module.COMPONENTS, copy)
    monkeypatch.setattr(module, "COMPONENTS", copy)
    assert fingerprints(settings, UPSTREAM) == before
    with (copy / "evaluate.py").open("a") as stream:
        stream.write("# changed\n")
    assert changed(before, fingerprints(settings, UPSTREAM)) == {"evaluate"}


def test_packaged_checkpoint_is_no_folder_of_the_user(settings: dict[str, str]) -> None:
    before = fingerprints(settings, UPSTREAM)
    packaged = {**settings, "import_checkpoint": json.dumps({"checkpoint": "packaged"})}
    after = fingerprints(packaged, UPSTREAM)
    assert changed(before, after) == {"import_checkpoint", "tokenize", *AFTER_TOKENIZE}


def test_files_of_a_bare_prefix_count_and_nothing_beside_them(
    settings: dict[str, str], tmp_path: Path
) -> None:
    for name in (
        "model.ckpt-468.index",
        "model.ckpt-468.data-00000-of-00001",
        "model.ckpt-0.index",
    ):
        (tmp_path / name).write_text(name)
    (tmp_path / "vocab.txt").write_text("[PAD]")
    checkpoint = {
        "checkpoint": str(tmp_path / "model.ckpt-468"),
        "config": None,
        "vocab": str(tmp_path / "vocab.txt"),
    }
    bare = {**settings, "import_checkpoint": json.dumps(checkpoint)}
    before = fingerprints(bare, UPSTREAM)
    (tmp_path / "model.ckpt-0.index").write_text("changed")
    assert fingerprints(bare, UPSTREAM) == before
    expected = {"import_checkpoint", "tokenize", *AFTER_TOKENIZE}
    for name in ("model.ckpt-468.index", "vocab.txt"):
        (tmp_path / name).write_text("changed")
        after = fingerprints(bare, UPSTREAM)
        assert changed(before, after) == expected
        before = after


def test_known_checkpoints_need_no_network(settings: dict[str, str]) -> None:
    names = ("uncased_L-2_H-128_A-2", "uncased_L-4_H-256_A-4")
    first, second = (
        fingerprints({**settings, "import_checkpoint": json.dumps({"checkpoint": name})}, UPSTREAM)
        for name in names
    )
    assert changed(first, second) == {"import_checkpoint", "tokenize", *AFTER_TOKENIZE}


def test_the_model_to_start_from_counts(settings: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/weights.safetensors").write_text("one")
    warm = {**settings, "finetune": json.dumps({"init_from": str(tmp_path / "model")})}
    before = fingerprints(warm, UPSTREAM)
    (tmp_path / "model/weights.safetensors").write_text("two")
    assert changed(before, fingerprints(warm, UPSTREAM)) == AFTER_TOKENIZE


def test_image_counts_for_all_stages(settings: dict[str, str]) -> None:
    before = fingerprints(settings, UPSTREAM)
    assert changed(before, fingerprints(settings, UPSTREAM, "sha256:1f")) == set(STAGES)


def test_what_depends_on_the_registry_is_new_each_time(settings: dict[str, str]) -> None:
    more = {**settings, **dict.fromkeys(READS_REGISTRY, "{}")}
    first, second = (module.fingerprints(more, RETRAIN_UPSTREAM) for _ in range(2))
    new = {stage for stage in more if first[stage] != second[stage]}
    assert new == {"compare_data", "compare_models", "publish"}


def test_a_stage_without_settings_has_a_fingerprint(
    settings: dict[str, str], code: dict[str, str]
) -> None:
    through_merge = {**UPSTREAM, "merge_features": ["tokenize"], "finetune": ["merge_features"]}
    before = fingerprints(settings, through_merge)
    code["bertline.stages.merge_features"] = "new"
    after = fingerprints(settings, through_merge)
    assert before["merge_features"] != after["merge_features"]
    assert changed(before, after) == {"finetune", "export", "evaluate"}
    assert before["tokenize"] == after["tokenize"]
