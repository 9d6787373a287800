import json
from pathlib import Path

import pytest
import yaml

from pipelines.compose import cached_under, compose, write_ir
from pipelines.graph import tasks_of, upstream
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
    "publish": ["evaluate", "export", "ingest"],
}
RETRAIN = {stage: f'{{"of": "{stage}"}}' for stage in PIPELINES["retrain"]}
RETRAIN_UPSTREAM = {
    **UPSTREAM,
    "compare_data": ["ingest"],
    "compare_models": ["compare_data", "evaluate", "export", "finetune", "ingest"],
    "publish": ["compare_models", "export", "ingest"],
}


def test_edges() -> None:
    assert upstream(compose("train", "toy", "A toy.", SETTINGS)) == UPSTREAM


def spread(settings: dict[str, str], **values: object) -> dict[str, str]:
    return {**settings, "tokenize": json.dumps(values)}


@pytest.mark.parametrize(
    ("pipeline", "settings", "edges"),
    [("train", SETTINGS, UPSTREAM), ("retrain", RETRAIN, RETRAIN_UPSTREAM)],
)
def test_a_task_a_shard_and_a_merge_stand_for_tokenize(
    pipeline: str, settings: dict[str, str], edges: dict[str, list[str]], tmp_path: Path
) -> None:
    line = compose(pipeline, "toy", "A toy.", spread(settings, num_shards=3))
    through_merge = {
        stage: sorted("merge_features" if name == "tokenize" else name for name in names)
        for stage, names in edges.items()
    }
    assert upstream(line) == {**through_merge, "merge_features": ["tokenize"]}
    assert sorted(stage for stage, _ in tasks_of(line)) == sorted([*settings, "merge_features"])
    write_ir(line, tmp_path / "toy.yaml")
    ir = yaml.safe_load((tmp_path / "toy.yaml").read_text())
    graphs = [ir["root"], *ir["components"].values()]
    tasks = [task for each in graphs if "dag" in each for task in each["dag"]["tasks"].values()]
    (loop,) = (task for task in tasks if "parameterIterator" in task)
    assert loop["parameterIterator"]["items"] == {"raw": "[0, 1, 2]"}
    assert "iteratorPolicy" not in loop  # all at once
    inside = ir["components"][loop["componentRef"]["name"]]["dag"]["tasks"]
    item = loop["parameterIterator"]["itemInput"]
    assert inside["tokenize"]["inputs"]["parameters"]["shard"]["componentInputParameter"] == item


@pytest.mark.parametrize("values", [{"num_shards": 1}, {"num_shards": 3, "beam_runner": "flink"}])
def test_one_task_tokenizes_alone_or_with_workers_of_its_own(values: dict[str, object]) -> None:
    assert upstream(compose("train", "toy", "A toy.", spread(SETTINGS, **values))) == UPSTREAM


@pytest.mark.parametrize(
    ("pipeline", "edges"), [("train", UPSTREAM), ("retrain", RETRAIN_UPSTREAM)]
)
def test_a_quantized_model_is_exported_and_held_against_the_float_one(
    pipeline: str, edges: dict[str, list[str]]
) -> None:
    settings = {**RETRAIN, "quantize": "{}"}
    expected = {
        **edges,
        "quantize": ["finetune", "tokenize"],
        "export": ["ingest", "quantize", "tokenize"],
    }
    assert upstream(compose(pipeline, "toy", "A toy.", settings)) == expected


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
    line = compose("train", "toy", "A toy.", SETTINGS, configure=cached_under(keys))
    tasks = line.pipeline_spec.root.dag.tasks
    found = {name.replace("-", "_"): task.caching_options.cache_key for name, task in tasks.items()}
    assert found == keys


def test_retraining_is_the_same_line_between_two_comparisons() -> None:
    assert upstream(compose("retrain", "toy", "A toy.", RETRAIN)) == RETRAIN_UPSTREAM


def test_retraining_goes_on_only_where_the_data_says_so(tmp_path: Path) -> None:
    write_ir(compose("retrain", "toy", "A toy.", RETRAIN), tmp_path / "toy.yaml")
    ir = yaml.safe_load((tmp_path / "toy.yaml").read_text())
    tasks = ir["root"]["dag"]["tasks"]
    assert set(tasks) == {"ingest", "compare-data", "condition-1"}
    assert tasks["condition-1"]["triggerPolicy"]["condition"] == (
        "inputs.parameter_values['pipelinechannel--compare-data-Output'] == 'train'"
    )
    inside = ir["components"]["comp-condition-1"]["dag"]["tasks"]
    assert {name.replace("-", "_") for name in inside} == {
        *STAGES,
        "compare_models",
    } - {"ingest"}
    parameters = ir["root"]["inputDefinitions"]["parameters"]
    assert set(parameters) == {"work_root", "registry", *(f"{stage}_settings" for stage in RETRAIN)}


def test_a_scheduled_run_looks_at_its_data_and_the_registry_anew() -> None:
    tasks = dict(tasks_of(compose("retrain", "toy", "A toy.", RETRAIN)))
    assert set(tasks) == set(RETRAIN)
    anew = {stage for stage, task in tasks.items() if not task.caching_options.enable_cache}
    assert anew == {"ingest", "compare_data", "evaluate", "compare_models", "publish"}


def test_a_run_has_a_verdict_of_its_own() -> None:
    tasks = dict(tasks_of(compose("train", "toy", "A toy.", SETTINGS)))
    anew = {stage for stage, task in tasks.items() if not task.caching_options.enable_cache}
    assert anew == {"evaluate", "publish"}


def test_cache_keys_go_to_tasks_under_a_condition_too() -> None:
    keys = {stage: f"key of {stage}" for stage in RETRAIN}
    line = compose("retrain", "toy", "A toy.", RETRAIN, configure=cached_under(keys))
    found = {stage: task.caching_options.cache_key for stage, task in tasks_of(line)}
    assert found == keys
    assert all(task.caching_options.enable_cache for _, task in tasks_of(line))


@pytest.mark.parametrize(("pipeline", "settings"), [("train", SETTINGS), ("retrain", RETRAIN)])
def test_turns_of_a_loop_share_no_key(pipeline: str, settings: dict[str, str]) -> None:
    keys = {stage: f"key of {stage}" for stage in [*settings, "merge_features"]}
    spread_out = spread(settings, num_shards=2)
    line = compose(pipeline, "toy", "A toy.", spread_out, configure=cached_under(keys))
    tasks = dict(tasks_of(line))
    assert all(task.caching_options.enable_cache for task in tasks.values())
    found = {stage: task.caching_options.cache_key for stage, task in tasks.items()}
    assert found == {**keys, "tokenize": ""}
    executors = line.pipeline_spec.deployment_spec["executors"]
    (variable,) = executors["exec-tokenize"]["container"]["env"]
    assert dict(variable) == {"name": "BERTLINE_FINGERPRINT", "value": keys["tokenize"]}
