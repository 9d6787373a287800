import json
import shutil
from pathlib import Path

import pytest

from pipelines import fingerprint as module
from pipelines.fingerprint import fingerprints
from pipelines.recipe import PIPELINES
from tests.pipelines.test_compose import UPSTREAM

STAGES = PIPELINES["train"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "train.json").write_text("[]")
    return folder


@pytest.fixture(autouse=True)
def code(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Module → its version; tests of code_version itself are in tests/test_code_version.py."""
    versions = {f"bertline.stages.{stage}": "old" for stage in STAGES}
    monkeypatch.setattr(module, "code_version", versions.__getitem__)
    return versions


@pytest.fixture
def settings(source: Path) -> dict[str, str]:
    values = {stage: f'{{"of": "{stage}"}}' for stage in STAGES}
    values["ingest"] = json.dumps({"source": str(source)})
    values["import_checkpoint"] = json.dumps({"checkpoint": str(source)})
    return values


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {stage for stage in STAGES if before[stage] != after[stage]}


AFTER_TOKENIZE = {"finetune", "export", "evaluate", "publish"}


def test_equal_for_equal_inputs(settings: dict[str, str]) -> None:
    first = fingerprints(settings, UPSTREAM)
    assert fingerprints(dict(settings), UPSTREAM) == first
    assert len(set(first.values())) == len(STAGES)


def test_settings_reach_their_stage_and_those_after_it(settings: dict[str, str]) -> None:
    before = fingerprints(settings, UPSTREAM)
    for stage, expected in {
        "publish": {"publish"},
        "export": {"export", "evaluate", "publish"},
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


def test_code_of_a_stage_counts(settings: dict[str, str], code: dict[str, str]) -> None:
    before = fingerprints(settings, UPSTREAM)
    code["bertline.stages.export"] = "new"
    after = fingerprints(settings, UPSTREAM)
    assert changed(before, after) == {"export", "evaluate", "publish"}


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
    assert changed(before, fingerprints(settings, UPSTREAM)) == {"evaluate", "publish"}


def test_packaged_checkpoint_is_no_folder_of_the_user(settings: dict[str, str]) -> None:
    before = fingerprints(settings, UPSTREAM)
    packaged = {**settings, "import_checkpoint": json.dumps({"checkpoint": "packaged"})}
    after = fingerprints(packaged, UPSTREAM)
    assert changed(before, after) == {"import_checkpoint", "tokenize", *AFTER_TOKENIZE}
