import json
from pathlib import Path

import pytest
import yaml

from pipelines.compose import compose, upstream, write_ir
from pipelines.recipe import PIPELINES

STAGES = PIPELINES["train"]
SETTINGS = {stage: f'{{"of": "{stage}"}}' for stage in STAGES}
UPSTREAM = {
    "import_checkpoint": [],
    "ingest": [],
    "tokenize": ["import_checkpoint", "ingest"],
    "finetune": ["import_checkpoint", "tokenize"],
    "export": ["finetune", "ingest", "tokenize"],
    "evaluate": ["export", "finetune", "ingest", "tokenize"],
    "publish": ["evaluate", "export"],
}


def test_edges() -> None:
    assert upstream(compose("train", "toy", "A toy.", SETTINGS)) == UPSTREAM


def spread(**values: object) -> dict[str, str]:
    return {**SETTINGS, "tokenize": json.dumps(values)}


def test_a_task_a_shard_and_a_merge_stand_for_tokenize(tmp_path: Path) -> None:
    line = compose("train", "toy", "A toy.", spread(num_shards=3))
    through_merge = {
        stage: sorted("merge_features" if name == "tokenize" else name for name in names)
        for stage, names in UPSTREAM.items()
    }
    assert upstream(line) == {**through_merge, "merge_features": ["tokenize"]}
    write_ir(line, tmp_path / "toy.yaml")
    ir = yaml.safe_load((tmp_path / "toy.yaml").read_text())
    (loop,) = (task for task in ir["root"]["dag"]["tasks"].values() if "parameterIterator" in task)
    assert loop["parameterIterator"]["items"] == {"raw": "[0, 1, 2]"}
    assert "iteratorPolicy" not in loop  # all at once
    inside = ir["components"][loop["componentRef"]["name"]]["dag"]["tasks"]
    item = loop["parameterIterator"]["itemInput"]
    assert inside["tokenize"]["inputs"]["parameters"]["shard"]["componentInputParameter"] == item


@pytest.mark.parametrize("values", [{"num_shards": 1}, {"num_shards": 3, "beam_runner": "flink"}])
def test_one_task_tokenizes_alone_or_with_workers_of_its_own(values: dict[str, object]) -> None:
    assert upstream(compose("train", "toy", "A toy.", spread(**values))) == UPSTREAM


def test_conversion_needs_no_more_than_the_checkpoint(tmp_path: Path) -> None:
    settings = {stage: f'{{"of": "{stage}"}}' for stage in PIPELINES["convert"]}
    line = compose("convert", "toy", "A toy.", settings)
    assert upstream(line) == {"import_checkpoint": [], "convert": ["import_checkpoint"]}
    write_ir(line, tmp_path / "toy.yaml")
    ir = yaml.safe_load((tmp_path / "toy.yaml").read_text())
    parameters = ir["root"]["inputDefinitions"]["parameters"]
    defaults = {name: parameter["defaultValue"] for name, parameter in parameters.items()}
    assert defaults == {f"{stage}_settings": text for stage, text in settings.items()}
    assert set(ir["root"]["dag"]["outputs"]["artifacts"]) == {"exported"}


def test_ir_is_complete(tmp_path: Path) -> None:
    file = tmp_path / "toy.yaml"
    write_ir(compose("train", "toy", "A toy.", SETTINGS), file)
    assert [path.name for path in tmp_path.iterdir()] == ["toy.yaml"]
    ir = yaml.safe_load(file.read_text())
    assert ir["pipelineInfo"] == {"name": "toy", "description": "A toy."}
    tasks = ir["root"]["dag"]["tasks"]
    edges = {
        name: sorted(
            artifact["taskOutputArtifact"]["producerTask"]
            for artifact in task["inputs"].get("artifacts", {}).values()
        )
        for name, task in tasks.items()
    }
    named = {
        stage.replace("_", "-"): [name.replace("_", "-") for name in names]
        for stage, names in UPSTREAM.items()
    }
    assert edges == named
    parameters = ir["root"]["inputDefinitions"]["parameters"]
    assert parameters.pop("work_root") == {"parameterType": "STRING"}
    assert parameters.pop("registry") == {"parameterType": "STRING"}
    defaults = {name: parameter["defaultValue"] for name, parameter in parameters.items()}
    assert defaults == {f"{stage}_settings": SETTINGS[stage] for stage in STAGES}
    assert all("cacheKey" not in task["cachingOptions"] for task in tasks.values())


def test_ir_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one.yaml", "two.yaml"):
        write_ir(compose("train", "toy", "A toy.", SETTINGS), tmp_path / name)
    assert (tmp_path / "one.yaml").read_text() == (tmp_path / "two.yaml").read_text()


def test_cache_keys_go_to_their_stages() -> None:
    keys = {stage: f"key of {stage}" for stage in STAGES}
    line = compose("train", "toy", "A toy.", SETTINGS, cache_keys=keys)
    tasks = line.pipeline_spec.root.dag.tasks
    found = {name.replace("-", "_"): task.caching_options.cache_key for name, task in tasks.items()}
    assert found == keys


def test_turns_of_a_loop_share_no_key() -> None:
    keys = {stage: f"key of {stage}" for stage in [*STAGES, "merge_features"]}
    line = compose("train", "toy", "A toy.", spread(num_shards=2), cache_keys=keys)
    spec = line.pipeline_spec
    assert spec.root.dag.tasks["merge-features"].caching_options.cache_key == keys["merge_features"]
    (loop,) = (task for task in spec.root.dag.tasks.values() if task.WhichOneof("iterator"))
    turn = spec.components[loop.component_ref.name].dag.tasks["tokenize"]
    assert turn.caching_options.enable_cache
    assert turn.caching_options.cache_key == ""
    (variable,) = spec.deployment_spec["executors"]["exec-tokenize"]["container"]["env"]
    assert dict(variable) == {"name": "BERTLINE_FINGERPRINT", "value": keys["tokenize"]}
