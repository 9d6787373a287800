import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bertline.errors import ConfigError, StorageError
from pipelines import recipe as recipe_module
from pipelines.recipe import (
    OPTIONAL,
    PIPELINES,
    PROJECT,
    Recipe,
    load_recipe,
    parse_assignment,
    recipe_names,
)

MINIMAL = {"name": "toy", "description": "A toy.", "stages": {"ingest": {"source": "data/toy"}}}


def recipe(**changes: object) -> Recipe:
    return Recipe.parse(MINIMAL | changes, where="recipe toy.yaml")


def problem(values: Recipe) -> str:
    with pytest.raises(ConfigError) as raised:
        values.settings()
    return str(raised.value)


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_of_the_project_are_valid(name: str) -> None:
    loaded = load_recipe(name)
    assert loaded.name == name
    settings = loaded.changed(dict.fromkeys(loaded.needs, "/some/folder")).settings()
    optional = OPTIONAL[loaded.pipeline]
    assert [s for s in settings if s not in optional] == list(PIPELINES[loaded.pipeline])
    assert {s for s in settings if s in optional} == loaded.stages.keys() & optional
    assert all(isinstance(json.loads(text), dict) for text in settings.values())


@pytest.mark.parametrize(
    "given", [{"quantize.max_steps": 9}, {"finetune.quantization": {"quant_delay": 9}}]
)
def test_files_in_integers_alone_need_a_model_trained_for_them(given: dict[str, object]) -> None:
    asked = recipe().changed({"export.formats": ["litert_integer"]})
    message = problem(asked)
    assert message.startswith("recipe toy: export.formats: litert_integer is of a model that was")
    assert message.endswith("; add the stage quantize")
    assert "export" in asked.changed(given).settings()


def test_bert_base_has_the_settings_of_its_paper_and_needs_a_checkpoint() -> None:
    loaded = load_recipe("snips-bert-base")
    assert problem(loaded).startswith(
        "recipe snips-bert-base: import_checkpoint.checkpoint is not set ("
    )
    checkpoint = {"import_checkpoint.checkpoint": "/models/bert"}
    settings = loaded.changed(checkpoint).settings()
    assert json.loads(settings["tokenize"])["max_seq_length"] == 48
    finetune = json.loads(settings["finetune"])
    assert (finetune["num_epochs"], finetune["batch_size"]) == (10, 16)
    assert (finetune["learning_rate"], finetune["save_checkpoints_steps"]) == (2e-5, 200)


def test_checking_a_recipe_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pipelines.recipe import load_recipe; load_recipe('snips').settings(); "
        "print(*{'tensorflow', 'keras', 'apache_beam', 'openvino', 'nncf', 'sklearn', 'kfp'} "
        "& set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")


def test_changes_replace_single_values() -> None:
    changed = recipe().changed({"finetune.num_epochs": 1, "evaluate.gate.minimum": {"slot_f1": 5}})
    settings = {stage: json.loads(text) for stage, text in changed.settings().items()}
    assert settings["finetune"]["num_epochs"] == 1
    assert settings["evaluate"]["gate"]["minimum"] == {"slot_f1": 5.0}
    assert settings["ingest"]["source"] == ["data/toy"]
    assert recipe().stages == MINIMAL["stages"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"finetune.num_epoch": 1},
            "recipe toy: finetune: unknown key 'num_epoch'; did you mean 'num_epochs'?",
        ),
        (
            {"finetune.num_epochs": "many"},
            "recipe toy: finetune: key 'num_epochs' = 'many': Input should be a valid integer",
        ),
        (
            {"finetune.num_epochs": 0},
            "recipe toy: finetune: key 'num_epochs' = 0: Input should be greater than 0",
        ),
        ({"ingest.source": None}, "recipe toy: ingest: key 'source' = None: Input should be"),
    ],
)
def test_wrong_settings(changes: dict[str, object], message: str) -> None:
    assert problem(recipe().changed(changes)).startswith(message)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("fintune.num_epochs", "unknown stage 'fintune'; did you mean 'finetune'?"),
        ("finetune", "finetune: expected STAGE.KEY, such as finetune.num_epochs"),
        ("finetune.", "finetune.: expected STAGE.KEY"),
        ("ingest.source.deeper", "'source' has no keys of its own, it is 'data/toy'"),
    ],
)
def test_wrong_paths(path: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        recipe().changed({path: 1})
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"ingest.task": "imdb", "evaluate.gate.minimum.slot_f1": 90},
            "recipe toy: gate: 'slot_f1' is not of this task; ",
        ),
        ({"ingest.task": "squad"}, "recipe toy: unknown task 'squad'; did you mean 'squad-v"),
        ({"ingest.task": "text"}, "recipe toy: task 'text': its examples have nothing to be "),
    ],
)
def test_the_task_is_checked_before_anything_runs(changes: dict[str, object], message: str) -> None:
    assert problem(recipe().changed(changes)).startswith(message)


def test_unknown_stage_in_a_recipe() -> None:
    message = problem(recipe(stages={"tokenise": {}}))
    assert message == "recipe toy: unknown stage 'tokenise'; did you mean 'tokenize'?"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stages: [", "line 1: expected the node content, but found '<stream end>'"),
        ("- a", "expected keys and values, got ['a']"),
        ("", "expected keys and values, got None"),
        ("name: toy\nstage: {}", "unknown key 'stage'; did you mean 'stages'?"),
        ("name: toy", "key 'description' is missing; give it a value"),
        ("name: \x00", "special characters are not allowed"),
        ("name: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
    ],
)
def test_malformed_recipe_files(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "toy.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_recipe(str(file))
    assert message in str(raised.value)
    assert "toy.yaml" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown recipe 'snip'; did you mean 'snips'\?"):
        load_recipe("snip")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("finetune.learning_rate=1e-4", 1e-4),
        ("finetune.learning_rate=2.5E+3", 2500.0),
        ("finetune.num_epochs=3", 3),
        ("export.formats=[openvino_int8]", ["openvino_int8"]),
        ("publish.name=a=b", "a=b"),
    ],
)
def test_assignments_are_yaml(text: str, value: object) -> None:
    assert parse_assignment(text) == (text.partition("=")[0], value)


@pytest.mark.parametrize("text", ["finetune.num_epochs", "finetune.num_epochs=[1"])
def test_malformed_assignments(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_assignment(text)
    assert text in str(raised.value)


def test_paths_of_a_user_are_meant_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()

    def source(value: str) -> object:
        return recipe().changed({"ingest.source": value}).stages["ingest"]["source"]

    assert source("here") == str(tmp_path / "here")
    assert source("../missing/data") == str(tmp_path / "../missing/data")
    assert source("gs://bucket/data") == "gs://bucket/data"
    assert source("https://host/data.zip") == "https://host/data.zip"
    several = recipe().changed({"ingest.source": ["here", "gs://bucket/data"]})
    assert several.stages["ingest"]["source"] == [str(tmp_path / "here"), "gs://bucket/data"]


def test_all_settings_that_hold_a_path_are_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.ckpt-468.index").touch()
    values = {
        "import_checkpoint.checkpoint": "model.ckpt-468",
        "import_checkpoint.vocab": "bert/vocab.txt",
        "finetune.init_from": "../runs/model",
    }
    stages = recipe().changed(values).stages
    assert stages["import_checkpoint"] == {
        "checkpoint": str(tmp_path / "model.ckpt-468"),
        "vocab": str(tmp_path / "bert/vocab.txt"),
    }
    assert stages["finetune"] == {"init_from": str(tmp_path / "../runs/model")}
    known = {"import_checkpoint.checkpoint": "uncased_L-2_H-128_A-2"}
    changed = recipe().changed(known)
    assert changed.stages["import_checkpoint"] == {"checkpoint": "uncased_L-2_H-128_A-2"}


def test_a_recipe_may_name_a_bare_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe_module, "PROJECT", tmp_path)
    (tmp_path / "bert").mkdir()
    stages = {"import_checkpoint": {"checkpoint": "bert/model.ckpt"}}
    with pytest.raises(ConfigError, match=r"bert/model\.ckpt is missing"):
        recipe(stages=stages).at_home()
    (tmp_path / "bert/model.ckpt.index").touch()
    found = recipe(stages=stages).at_home().stages["import_checkpoint"]["checkpoint"]
    assert found == str(tmp_path / "bert/model.ckpt")


def test_paths_of_a_recipe_are_meant_from_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = load_recipe("snips").at_home().stages["ingest"]["source"]
    assert found == str(PROJECT / "samples/snips")
    with pytest.raises(ConfigError, match=r"data/toy is missing .* --data DIR"):
        recipe().at_home()
    given = recipe().changed({"ingest.source": "/my/data"})
    assert given.at_home() == given
    both = {"ingest": {"source": ["samples/snips", "https://host/data.zip"]}}
    found = recipe(stages=both).at_home().stages["ingest"]["source"]
    assert found == [str(PROJECT / "samples/snips"), "https://host/data.zip"]
    with pytest.raises(ConfigError, match="data/toy is missing"):
        recipe(stages={"ingest": {"source": ["samples/snips", "data/toy"]}}).at_home()


def test_checksums_go_with_the_source_that_they_are_of() -> None:
    stages = {"ingest": {"source": "https://host/data.zip", "sha256": ["0" * 64]}}
    pinned = recipe(stages=stages)
    assert pinned.changed({"finetune.num_epochs": 1}).stages["ingest"] == stages["ingest"]
    assert pinned.changed({"ingest.source": "/my/data"}).stages["ingest"] == {"source": "/my/data"}
    new = {"ingest.sha256": ["1" * 64], "ingest.source": "https://host/other.zip"}
    assert pinned.changed(new).stages["ingest"]["sha256"] == ["1" * 64]


def test_unknown_key_inside_a_setting_names_the_nearest_there() -> None:
    message = problem(recipe().changed({"evaluate.gate.minimun": {}}))
    assert message == ("recipe toy: evaluate: unknown key 'gate.minimun'; did you mean 'minimum'?")


def test_retraining_publishes_what_it_compared() -> None:
    retrain = load_recipe("retrain")
    named = retrain.changed({"publish.name": "nightly", "compare_data.name": "nightly"})
    assert json.loads(named.settings()["compare_data"])["name"] == "nightly"
    message = problem(retrain.changed({"publish.name": "nightly"}))
    assert message == "recipe retrain: compare_data.name None, publish.name 'nightly'; give one"


def test_margins_are_of_the_recipe_s_task() -> None:
    message = problem(load_recipe("retrain").changed({"compare_models.maximum_drop": {"f1": 1}}))
    assert message.startswith("recipe retrain: gate: 'f1' is not of this task; ")


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "Größe", "名前", "a/b", "-a", "a-", "a\nb"])
def test_names_that_no_cluster_takes(name: str) -> None:
    with pytest.raises(
        ConfigError, match=r"^recipe toy\.yaml: key 'name' = .* expected up to 100 Latin letters"
    ) as raised:
        recipe(name=name)
    assert "\n" not in str(raised.value)


def test_a_file_of_ones_own_means_its_paths_from_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine/data").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    file = tmp_path / "mine/own.yaml"
    sources = ["data", "sub/other.zip", "../x.zip", "/abs/y.zip", "https://h/z.zip", "~/w.zip"]
    file.write_text(
        "name: own\ndescription: d\nstages:\n  import_checkpoint: {checkpoint: bert-tiny}\n"
        f"  ingest: {{task: snips, source: {json.dumps(sources)}}}\n"
    )
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir(tmp_path / "elsewhere")
    mine = tmp_path / "mine"
    for given in (str(file), "../mine/own.yaml"):
        stages = load_recipe(given).at_home().stages
        found = [
            str(Path(s).resolve()) if "://" not in s else s for s in stages["ingest"]["source"]
        ]
        assert found == [
            *(f"{mine}/data", f"{mine}/sub/other.zip", f"{tmp_path}/x.zip", "/abs/y.zip"),
            *("https://h/z.zip", "/home/me/w.zip"),
        ]
        assert stages["import_checkpoint"]["checkpoint"] == "bert-tiny"


def test_a_recipe_of_the_project_means_its_paths_from_the_project() -> None:
    loaded = load_recipe("snips").at_home()
    assert loaded.stages["ingest"]["source"] == str(PROJECT / "samples/snips")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name: a\nname: b\n", "line 2: the key 'name' is there twice; correct the file"),
        (b"\xff\xfe", "codec can't decode byte 0xff in position 0"),
        (b"- 1\n", r"expected keys and values, got \[1\]"),
        (b"1: 2\n", r"expected keys and values, got \{1: 2\}"),
        (b"a: " + b"x" * 1_000_001, "more than 1,000,000 bytes; give another file"),
    ],
)
def test_files_that_are_no_recipes(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "own.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=message) as raised:
        load_recipe(str(tmp_path / "own.yaml"))
    assert str(raised.value).startswith(f"recipe {tmp_path}/own.yaml: ")
    assert "\n" not in str(raised.value)


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(StorageError, match="pipe.yaml: is a named pipe"):
        load_recipe(str(tmp_path / "pipe.yaml"))
    with pytest.raises(ConfigError, match="folder.yaml: Is a directory"):
        load_recipe(str(tmp_path / "folder.yaml"))
    for name in ("x" * 300, f"{'x' * 300}.yaml", "a\0b"):
        with pytest.raises(ConfigError, match="recipe"):
            load_recipe(name)
