from pathlib import Path

import yaml

from pipelines.compose import cached_under, compose, upstream, write_ir
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
