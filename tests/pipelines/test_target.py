import re
import subprocess
import sys
from pathlib import Path

import pytest

from bertline.errors import ConfigError
from bertline.tables.stages import IMAGES, STAGES
from pipelines.recipe import PROJECT, Recipe
from pipelines.target import PODS, Pod, Target, Volume, load_target, target_names

GPU = {"resource": "nvidia.com/gpu"}
TPU = {"resource": "google.com/tpu", "topology": "2x4", "count": 8}
Changes = dict[str, object]


def target(**values: object) -> Target:
    return Target.model_validate(
        {"name": "toy", "description": "A toy.", "volume": Volume(claim="disk"), **values}
    )


def problem(changes: Changes, name: str = "kind") -> str:
    with pytest.raises(ConfigError) as raised:
        load_target(name, changes)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_targets_of_the_project() -> None:
    assert target_names() == ["gke-gpu", "gke-tpu", "kind", "minikube"]
    for name in target_names():
        loaded = load_target(name)
        assert loaded.name == name
        assert (loaded.image_prefix is None) == name.startswith("gke-")
        assert (loaded.accelerator is None) == (loaded.training_image == "core")


def test_no_file_names_a_registry() -> None:
    for file in (PROJECT / "pipelines").glob("targets/*.yaml"):
        prefixes = re.findall(r"^image_prefix: (.*)$", file.read_text(), re.MULTILINE)
        assert prefixes in ([], ["localhost"])


def test_every_stage_names_a_known_class_of_pod_and_image() -> None:
    assert {stage.pod for stage in STAGES.values()} == set(PODS)
    assert {stage.image for stage in STAGES.values()} <= set(IMAGES)


def test_checking_a_target_does_not_import_kfp() -> None:
    code = (
        "import sys; from pipelines.target import load_target; load_target('gke-gpu'); "
        "print(*{'tensorflow', 'keras', 'kfp', 'kfp_server_api'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")


def test_pod_of_a_stage_has_the_defaults_but_for_what_is_changed() -> None:
    changed = target(pods={"finetune": Pod(memory="6Gi", timeout_s=60), "ingest": Pod(cpu="100m")})
    assert changed.pod("finetune") == Pod(
        cpu="2", cpu_limit="8", memory="6Gi", memory_limit="16Gi", timeout_s=60
    )
    assert changed.pod("ingest") == Pod(
        cpu="100m", cpu_limit="2", memory="1Gi", memory_limit="4Gi", timeout_s=3600
    )


def test_stages_that_run_models_or_read_all_texts_ask_for_more() -> None:
    assert target().pod("compare_models") == target().pod("evaluate")
    assert target().pod("compare_data") == target().pod("tokenize")


def test_places_lie_on_the_volume_or_where_the_target_says() -> None:
    assert target().places == {
        "work_root": "/bertline/work",
        "registry": "/bertline/registry",
    }
    other = target(registry="gs://bucket/models", volume=Volume(claim="disk", path="/mnt/disk"))
    assert other.places == {"work_root": "/mnt/disk/work", "registry": "gs://bucket/models"}


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("samples/snips", "/opt/bertline/samples/snips"),
        ("/opt/bertline/samples/snips", "/opt/bertline/samples/snips"),
        ("/bertline/data", "/bertline/data"),
    ],
)
def test_pods_see_the_project_and_the_volume(path: str, place: str) -> None:
    assert target().seen(path) == place


@pytest.mark.parametrize("path", ["/home/me/data", "/bertline-2/data", "/"])
def test_pods_do_not_see_this_machine(path: str) -> None:
    with pytest.raises(ConfigError) as raised:
        target().seen(path)
    assert str(raised.value) == (
        f"{path}: on this machine, where pods of target toy do not see it; give an address (gs://, "
        "https://), or a path below /bertline on its volume"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"kubeflow.namespace": "Kube_Flow"},
            "= 'Kube_Flow': expected up to 63 lower-case letters",
        ),
        ({"kubeflow.namespace": "x" * 64}, "expected up to 63 lower-case letters, digits and -"),
        ({"kubeflow.namespace": ""}, "key 'kubeflow.namespace' = '': expected up to 63"),
        ({"kubeflow.service_account": "a b"}, "= 'a b': expected up to 253 dots, lower-case"),
        ({"kubeflow.experiment": ""}, "key 'kubeflow.experiment' = '': String should have"),
        ({"volume.claim": "Disk"}, "key 'volume.claim' = 'Disk': expected up to 253 dots"),
        ({"image_prefix": "https://h/x"}, "expected registry and repository, such as"),
        ({"image_prefix": "Ours/x"}, "expected registry and repository, such as"),
        (
            {"accelerator": {**GPU, "node_selector": {"a b": "c"}}},
            "expected a label's key in Kubernetes, such as",
        ),
        (
            {"accelerator": {**GPU, "node_selector": {"a": "x" * 64}}},
            "expected a label's value in Kubernetes: up to 63",
        ),
        (
            {"accelerator": {**GPU, "tolerations": [{"key": "-"}]}},
            "key 'accelerator.tolerations.0.key' = '-': expected a label's key",
        ),
        ({"retrys": 1}, "target kind: unknown key 'retrys'; did you mean 'retries'?"),
        ({"kubeflow.hst": "a"}, "unknown key 'kubeflow.hst'; did you mean 'host'?"),
        ({"pods.finetune.memry": "1Gi"}, "key 'pods.finetune.memry'; did you mean 'memory'?"),
        ({"pods.finetun.memory": "1Gi"}, "target kind: pods: unknown stage 'finetun'; did you"),
        ({"pods.finetune.memory": "1 GB"}, "key 'pods.finetune.memory' = '1 GB'"),
        ({"pods.finetune.cpu": 2}, "key 'pods.finetune.cpu' = 2: Input should be a valid string"),
        ({"retries": -1}, "key 'retries' = -1"),
        ({"volume": None}, "key 'volume' = None"),
        ({"pipeline_root": "/data"}, "key 'pipeline_root' = '/data'"),
        ({"image_pull_policy.x": 1}, "target.image_pull_policy.x: 'image_pull_policy' has no keys"),
        (
            {"pods.publish.memory": "5Gi"},
            "target kind: pods.publish.memory 5Gi is above its limit 4Gi; raise memory_limit",
        ),
        (
            {"pods.publish.cpu": "2500m"},
            "target kind: pods.publish.cpu 2500m is above its limit 2; raise cpu_limit",
        ),
        (
            {"accelerator": GPU},
            "training_image core with accelerator nvidia.com/gpu; give train-gpu",
        ),
        ({"training_image": "train-tpu"}, "training_image train-tpu with accelerator None; give "),
        (
            {"accelerator": {**GPU, "topology": "2x2"}, "training_image": "train-gpu"},
            "accelerator.topology 2x2 is for a TPU; leave it out",
        ),
        (
            {"accelerator": {**TPU, "topology": None}, "training_image": "train-tpu"},
            "accelerator.topology is not set; give that of the slice, such as 2x4",
        ),
        (
            {"accelerator": {**TPU, "count": 4}, "training_image": "train-tpu"},
            "accelerator.topology 2x4 has 8 chips, count is 4; a stage is one pod, which has all",
        ),
        (
            {
                "accelerator": {
                    "resource": "google.com/tpu",
                    "topology": "4x4",
                    "count": 16,
                    "node_selector": {"cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice"},
                },
                "training_image": "train-tpu",
            },
            "accelerator.topology 4x4 of tpu-v6e-slice has several hosts; a stage is one pod: give",
        ),
        (
            {
                "accelerator": {**GPU, "tolerations": [{"key": "a", "operator": "Equal"}]},
                "training_image": "train-gpu",
            },
            "toleration of a: a value goes with Equal, and only with it",
        ),
    ],
)
def test_wrong_targets(changes: Changes, message: str) -> None:
    assert message in problem(changes)


def test_unknown_target_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="unknown target 'kin'; did you mean 'kind'?"):
        load_target("kin")


def test_a_target_of_the_user(tmp_path: Path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text("description: Our cluster.\nimage_prefix: ours.example/ml\nvolume: {claim: d}")
    loaded = load_target(str(file), {"kubeflow.namespace": "ann"})
    assert (loaded.name, loaded.image_prefix) == ("ours", "ours.example/ml")
    assert loaded.kubeflow.namespace == "ann"


def test_recipe_that_needs_an_accelerator() -> None:
    recipe = Recipe(name="big", description="A big one.", needs_accelerator=True)
    load_target("gke-gpu").check(recipe)
    with pytest.raises(ConfigError) as raised:
        load_target("kind").check(recipe)
    assert str(raised.value) == (
        "target kind: no accelerator, and recipe big needs one; give another target"
    )
