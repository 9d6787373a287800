"""Every recipe, compiled for every target."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bertline import __version__
from bertline.errors import ConfigError
from bertline.tables.stages import STAGES
from pipelines.cli import main
from pipelines.compose import compose, write_ir
from pipelines.graph import upstream
from pipelines.placement import placed
from pipelines.recipe import OPTIONAL, PIPELINES, Recipe, load_recipe, recipe_names
from pipelines.target import Target, load_target, target_names

Captured = pytest.CaptureFixture[str]
PREFIX = "registry.example/ml"
HOURS = 3600


def recipe(name: str) -> Recipe:
    loaded = load_recipe(name)
    return loaded.changed(dict.fromkeys(loaded.needs, "gs://bucket/given"))


def target(name: str, **changes: object) -> Target:
    return load_target(name, {"image_prefix": PREFIX, **changes})


class Compiled:
    """A compiled file, by stages."""

    def __init__(self, file: Path) -> None:
        self.spec, platform = yaml.load_all(file.read_bytes(), yaml.CSafeLoader)
        self.kubernetes = platform["platforms"]["kubernetes"]

    def tasks(self, stage: str) -> dict[str, Any]:
        """The tasks of the graph that a stage is in: the root, or the group of a condition."""
        inner = [each["dag"] for each in self.spec["components"].values() if "dag" in each]
        graphs = [graph["tasks"] for graph in (self.spec["root"]["dag"], *inner)]
        (tasks,) = [graph for graph in graphs if stage.replace("_", "-") in graph]
        found: dict[str, Any] = tasks
        return found

    def task(self, stage: str) -> dict[str, Any]:
        task: dict[str, Any] = self.tasks(stage)[stage.replace("_", "-")]
        return task

    def container(self, stage: str) -> dict[str, Any]:
        executors = self.spec["deploymentSpec"]["executors"]
        container: dict[str, Any] = executors[f"exec-{stage.replace('_', '-')}"]["container"]
        return container

    def pod(self, stage: str) -> dict[str, Any]:
        executors = self.kubernetes["deploymentSpec"]["executors"]
        pod: dict[str, Any] = executors[f"exec-{stage.replace('_', '-')}"]
        return pod

    def parameters(self) -> dict[str, Any]:
        parameters = self.spec["root"]["inputDefinitions"]["parameters"]
        return {name: value.get("defaultValue") for name, value in parameters.items()}


def compiled(folder: Path, recipe: Recipe, target: Target) -> Compiled:
    write_ir(placed(recipe, target), folder / "line.yaml")
    return Compiled(folder / "line.yaml")


def check_pod(ir: Compiled, stage: str, place: Target) -> None:
    """Asserts that the task of a stage is run as the target says."""
    task, container, pod = ir.task(stage), ir.container(stage), ir.pod(stage)
    image = place.training_image if STAGES[stage].trains else "core"
    assert container["image"] == f"{PREFIX}/bertline-{image}-python:{__version__}"
    wanted = place.pod(stage)
    resources = container["resources"]
    assert resources["resourceCpuRequest"] == wanted.cpu
    assert resources["resourceCpuLimit"] == wanted.cpu_limit
    assert resources["resourceMemoryRequest"] == wanted.memory
    assert resources["resourceMemoryLimit"] == wanted.memory_limit
    assert pod["activeDeadlineSeconds"] == str(wanted.timeout_s)
    assert pod["imagePullPolicy"] == place.image_pull_policy
    assert task["retryPolicy"]["maxRetryCount"] == 2
    assert task["cachingOptions"] == {}
    is_training = STAGES[stage].trains and place.accelerator is not None
    assert ("accelerator" in resources) == is_training
    for key in ("nodeSelector", "tolerations", "emptyDirMounts"):
        assert (key in pod) == is_training


def pairs() -> list[tuple[str, str]]:
    """Every recipe for a target and, of each kind of line, one recipe for every target."""
    turns = itertools.cycle(target_names())
    kinds = itertools.product(("snips-qat", "retrain", "convert"), target_names())
    return sorted({*zip(recipe_names(), turns, strict=False), *kinds})


@pytest.mark.parametrize(("recipe_name", "target_name"), pairs())
def test_every_recipe_and_every_target(recipe_name: str, target_name: str, tmp_path: Path) -> None:
    chosen, place = recipe(recipe_name), target(target_name)
    ir = compiled(tmp_path, chosen, place)
    settings = dict.fromkeys(chosen.settings(), "{}")
    stages = list(settings)
    edges = upstream(compose(chosen.pipeline, "toy", "A toy.", settings))
    parameters = ir.parameters()
    assert None not in parameters.values()
    for stage in stages:
        after = [name.replace("-", "_") for name in ir.task(stage).get("dependentTasks", [])]
        inside = {name.replace("-", "_") for name in ir.tasks(stage)}
        assert sorted(after) == [name for name in edges[stage] if name in inside]
        check_pod(ir, stage, place)
        assert stage in OPTIONAL[chosen.pipeline] or json.loads(parameters[f"{stage}_settings"])
    deadline = ir.kubernetes["pipelineConfig"]["activeDeadlineSeconds"]
    assert deadline == (6 if place.accelerator is None else 48) * HOURS
    assert "defaultPipelineRoot" not in ir.spec


@pytest.mark.parametrize(
    ("target_name", "accelerator", "labels", "toleration"),
    [
        (
            "gke-gpu",
            {"resourceType": "nvidia.com/gpu", "resourceCount": "1"},
            {"cloud.google.com/gke-accelerator": "nvidia-l4"},
            "nvidia.com/gpu",
        ),
        (
            "gke-tpu",
            {"resourceType": "google.com/tpu", "resourceCount": "1"},
            {
                "cloud.google.com/gke-tpu-accelerator": "tpu-v5-lite-podslice",
                "cloud.google.com/gke-tpu-topology": "1x1",
            },
            "google.com/tpu",
        ),
    ],
)
def test_training_gets_an_accelerator(
    target_name: str,
    accelerator: dict[str, str],
    labels: dict[str, str],
    toleration: str,
    tmp_path: Path,
) -> None:
    ir = compiled(tmp_path, recipe("snips"), target(target_name))
    found = ir.container("finetune")["resources"]["accelerator"]
    assert {key: found[key] for key in accelerator} == accelerator
    pod = ir.pod("finetune")
    assert pod["nodeSelector"] == {"labels": labels}
    assert pod["tolerations"] == [{"key": toleration, "operator": "Exists", "effect": "NoSchedule"}]
    assert pod["emptyDirMounts"] == [
        {
            "volumeName": "shared-memory",
            "mountPath": "/dev/shm",
            "medium": "Memory",
            "sizeLimit": "4Gi",
        }
    ]


def test_spot_nodes_are_asked_for_and_tolerated(tmp_path: Path) -> None:
    place = target("gke-tpu", **{"accelerator.spot": True})
    pod = compiled(tmp_path, recipe("snips"), place).pod("finetune")
    assert pod["nodeSelector"]["labels"]["cloud.google.com/gke-spot"] == "true"
    assert pod["tolerations"][-1] == {
        "key": "cloud.google.com/gke-spot",
        "operator": "Equal",
        "value": "true",
        "effect": "NoSchedule",
    }


def test_pods_of_stages_wait_in_a_queue(tmp_path: Path) -> None:
    ir = compiled(tmp_path, recipe("snips"), target("kind", queue="team-a"))
    for stage in PIPELINES["train"]:
        assert ir.pod(stage)["podMetadata"]["labels"] == {"kueue.x-k8s.io/queue-name": "team-a"}


@pytest.mark.parametrize(("count", "backend"), [(1, []), (4, ["jax"])])
def test_several_gpus_are_trained_on_by_jax(count: int, backend: list[str], tmp_path: Path) -> None:
    several = target("gke-gpu", **{"accelerator.count": count})
    variables = compiled(tmp_path, recipe("snips"), several).container("finetune").get("env", [])
    assert [each["value"] for each in variables if each["name"] == "KERAS_BACKEND"] == backend


def test_places_are_defaults_and_the_volume_is_where_they_are(tmp_path: Path) -> None:
    ir = compiled(tmp_path, recipe("snips"), target("kind"))
    parameters = ir.parameters()
    assert parameters["work_root"] == "/bertline/work"
    assert parameters["registry"] == "/bertline/registry"
    source = json.loads(parameters["ingest_settings"])["source"]
    assert source == ["/opt/bertline/samples/snips"]
    stages = PIPELINES["train"]
    assert [stage for stage in stages if "pvcMount" in ir.pod(stage)] == ["finetune", "publish"]
    (mount,) = ir.pod("finetune")["pvcMount"]
    assert (mount["constant"], mount["mountPath"]) == ("bertline", "/bertline")


def test_stages_that_read_the_registry_have_its_volume(tmp_path: Path) -> None:
    ir = compiled(tmp_path, recipe("retrain"), target("kind"))
    stages = PIPELINES["retrain"]
    mounted = ["compare_data", "finetune", "compare_models", "publish"]
    assert [stage for stage in stages if "pvcMount" in ir.pod(stage)] == mounted
    assert ir.parameters()["registry"] == "/bertline/registry"
    ir = compiled(tmp_path, recipe("retrain"), target("kind", registry="gs://bucket/models"))
    assert [stage for stage in stages if "pvcMount" in ir.pod(stage)] == ["finetune"]
    assert ir.parameters()["registry"] == "gs://bucket/models"


def test_stage_that_reads_the_volume_has_it(tmp_path: Path) -> None:
    changed = recipe("snips").changed({"ingest.source": "/bertline/data"})
    ir = compiled(tmp_path, changed, target("kind", registry="gs://bucket/models"))
    stages = PIPELINES["train"]
    assert [stage for stage in stages if "pvcMount" in ir.pod(stage)] == ["ingest", "finetune"]
    assert ir.parameters()["registry"] == "gs://bucket/models"


@pytest.mark.parametrize("name", ["snips", "retrain"])
def test_what_a_target_may_change(name: str, tmp_path: Path) -> None:
    place = target(
        "kind",
        caching=True,
        retries=0,
        active_deadline_s=60,
        pipeline_root="gs://bucket/artifacts",
        image_pull_policy="Always",
    )
    chosen = recipe(name)
    ir = compiled(tmp_path, chosen, place)
    for stage in PIPELINES[chosen.pipeline]:
        task, is_cached = ir.task(stage), STAGES[stage].uses[chosen.pipeline] != "always"
        assert task["cachingOptions"] == ({"enableCache": True} if is_cached else {})
        assert "retryPolicy" not in task
        assert ir.pod(stage)["imagePullPolicy"] == "Always"
    assert ir.kubernetes["pipelineConfig"]["activeDeadlineSeconds"] == 60
    assert ir.spec["defaultPipelineRoot"] == "gs://bucket/artifacts"


@pytest.mark.parametrize("name", ["snips", "retrain"])
def test_every_shard_has_a_pod_of_tokenize(name: str, tmp_path: Path) -> None:
    pods = {"tokenize": {"memory": "3Gi"}, "merge_features": {"cpu": "250m", "timeout_s": 60}}
    place = target("gke-gpu", pods=pods)
    ir = compiled(tmp_path, recipe(name).changed({"tokenize.num_shards": 2}), place)
    (loop,) = (task for task in ir.tasks("merge_features").values() if "parameterIterator" in task)
    assert loop["parameterIterator"]["items"] == {"raw": "[0, 1]"}
    assert set(ir.tasks("tokenize")) == {"tokenize"}
    for stage in ("tokenize", "merge_features"):
        check_pod(ir, stage, place)
    assert ir.container("tokenize")["resources"]["resourceMemoryRequest"] == "3Gi"
    assert ir.container("merge_features")["resources"]["resourceCpuRequest"] == "250m"
    assert ir.pod("merge_features")["activeDeadlineSeconds"] == "60"


def test_same_recipe_and_target_give_the_same_file(tmp_path: Path) -> None:
    for name in ("one.yaml", "two.yaml"):
        write_ir(placed(recipe("snips"), target("gke-gpu")), tmp_path / name)
    assert (tmp_path / "one.yaml").read_text() == (tmp_path / "two.yaml").read_text()


def test_recipe_that_needs_an_accelerator_asks_for_another_target() -> None:
    needing = recipe("snips").model_copy(update={"needs_accelerator": True})
    with pytest.raises(ConfigError, match="target kind: no accelerator, and recipe snips needs"):
        placed(needing, target("kind"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--target", "gke-gpu"],
            "target gke-gpu: image_prefix is not set (registry and repository that the nodes pull "
            "images from); give --set target.image_prefix=VALUE or a YAML file of yours",
        ),
        (["--target", "kid"], "unknown target 'kid'; did you mean 'kind'?"),
        (
            ["--target", "kind", "--data", "/home/me/data"],
            "/home/me/data: on this machine, where pods of target kind do not see it; give an "
            "address (gs://, https://), or a path below /bertline on its volume",
        ),
        (
            ["--set", "target.retries=1"],
            "target.retries=1: there is no target; give one with --target",
        ),
    ],
)
def test_mistakes_leave_no_file(
    arguments: list[str], message: str, tmp_path: Path, capsys: Captured
) -> None:
    file = tmp_path / "snips.yaml"
    assert main(["compile", "snips", "-o", str(file), *arguments]) == 2
    assert capsys.readouterr().err == f"error: {message}\n"
    assert not file.exists()


def test_settings_that_kubeflow_would_refuse_are_refused_here(
    tmp_path: Path, capsys: Captured
) -> None:
    file = tmp_path / "snips.yaml"
    source = "gs://bucket/" + "a" * 9_000
    assert main(["compile", "snips", "--target", "kind", "-o", str(file), "--data", source]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ingest_settings: the settings of all stages have 1")
    assert "Kubeflow accepts 10,000; name fewer sources" in error
    assert not file.exists()


def test_compile_for_a_target(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "snips.yaml"
    changes = ["--set", "finetune.num_epochs=7", "--set", "target.pods.finetune.memory=3Gi"]
    assert main(["compile", "snips", "--target", "kind", "-o", str(file), *changes]) == 0
    assert capsys.readouterr().out == f"{file}\n"
    ir = Compiled(file)
    assert ir.container("finetune")["resources"]["resourceMemoryRequest"] == "3Gi"
    assert json.loads(ir.parameters()["finetune_settings"])["num_epochs"] == 7
