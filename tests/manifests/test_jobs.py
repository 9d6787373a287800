"""The stage finetune as a Job: on several GPUs of a node, and on the hosts of a TPU slice."""

import inspect
import math
from pathlib import Path
from typing import Any

import pytest

from bertline.stages import finetune
from bertline.tables.stages import STAGES
from tests.manifests.rendered import JOBS, MANIFESTS, Render, only


def finetune_job(render: Render, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The spec of a Job and its container."""
    spec = only(render(MANIFESTS / "jobs" / name), "Job")["spec"]
    [container] = spec["template"]["spec"]["containers"]
    return spec, container


@pytest.mark.parametrize("name", JOBS)
def test_jobs_run_the_stage_with_settings_it_takes(render: Render, name: str) -> None:
    _, container = finetune_job(render, name)
    *program, stage, settings = container["command"]
    assert program == ["python", "-m", "bertline.stages.execute"]
    assert stage == "finetune" and stage in STAGES
    [variable] = [each for each in container["env"] if f"$({each['name']})" == settings]
    config = only(render(MANIFESTS / "jobs" / name), "ConfigMap")
    key = variable["valueFrom"]["configMapKeyRef"]
    assert key["name"] == config["metadata"]["name"]
    finetune.Settings.parse_json(config["data"][key["key"]], where=name)

    paths = dict(argument.split("=", 1) for argument in container["args"])
    parameters = inspect.signature(finetune.run).parameters.keys() - {"settings"}
    assert paths.keys() == parameters
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    for path in paths.values():
        assert any(Path(path).is_relative_to(mount) for mount in mounts)
    assert "/dev/shm" in mounts


@pytest.mark.parametrize("name", JOBS)
def test_jobs_end(render: Render, name: str) -> None:
    spec, _ = finetune_job(render, name)
    assert 0 < spec["activeDeadlineSeconds"] <= 86400
    assert spec["backoffLimit"] <= 3


def test_gpus_are_within_the_quota_of_their_overlay(render: Render) -> None:
    spec, container = finetune_job(render, "finetune-gpus")
    gpus = int(container["resources"]["limits"]["nvidia.com/gpu"])
    assert gpus > 1
    assert "parallelism" not in spec
    hard = only(render(MANIFESTS / "overlays/gke-gpu"), "ResourceQuota")["spec"]["hard"]
    assert gpus <= int(hard["requests.nvidia.com/gpu"])
    assert [each["key"] for each in spec["template"]["spec"]["tolerations"]] == ["nvidia.com/gpu"]


def test_hosts_and_their_chips_make_up_the_slice(render: Render) -> None:
    spec, container = finetune_job(render, "finetune-tpu-hosts")
    chips = int(container["resources"]["limits"]["google.com/tpu"])
    topology = spec["template"]["spec"]["nodeSelector"]["cloud.google.com/gke-tpu-topology"]
    assert math.prod(map(int, topology.split("x"))) == chips * spec["parallelism"]
    assert spec["parallelism"] == spec["completions"] > 1
    hard = only(render(MANIFESTS / "overlays/gke-tpu"), "ResourceQuota")["spec"]["hard"]
    assert chips * spec["parallelism"] <= int(hard["requests.google.com/tpu"])


def test_hosts_find_each_other(render: Render) -> None:
    objects = render(MANIFESTS / "jobs/finetune-tpu-hosts")
    spec, container = finetune_job(render, "finetune-tpu-hosts")
    assert spec["completionMode"] == "Indexed"
    service = only(objects, "Service")
    template = spec["template"]
    assert template["spec"]["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["clusterIP"] == "None"
    selectors = [
        service["spec"]["selector"],
        only(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= template["metadata"]["labels"].items()
    variables = {each["name"]: each for each in container["env"]}
    first_pod = f"{only(objects, 'Job')['metadata']['name']}-0.{service['metadata']['name']}"
    address, port = variables["KERAS_DISTRIBUTION_JOB_ADDRESSES"]["value"].split(":")
    assert address == first_pod and int(port) > 1024
    count = variables["KERAS_DISTRIBUTION_NUM_PROCESSES"]["value"]
    assert int(count) == spec["parallelism"]
    index = variables["KERAS_DISTRIBUTION_PROCESS_ID"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert index == "metadata.annotations['batch.kubernetes.io/job-completion-index']"


@pytest.mark.parametrize("name", JOBS)
def test_jobs_train_on_the_backend_that_uses_several_devices(render: Render, name: str) -> None:
    _, container = finetune_job(render, name)
    assert {"name": "KERAS_BACKEND", "value": "jax"} in container["env"]
