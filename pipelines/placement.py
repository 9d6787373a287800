"""Pipelines as a target runs them: the same composition, with images, resources and places."""

import json
import os
from functools import partial
from typing import Any

from kfp import dsl, kubernetes

from bertline.errors import ConfigError
from bertline.storage.limits import VARIABLE
from bertline.tables.stages import STAGES
from components.image import image_name
from pipelines.compose import compose
from pipelines.recipe import Recipe
from pipelines.target import Accelerator, Target

RETRY_PAUSE = "30s"
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
MAX_PARAMETER_BYTES = 10_000
"""Of all parameters of a pipeline together, as JSON: the default of Kubeflow's API server."""


def placed(recipe: Recipe, target: Target) -> Any:
    """The recipe's pipeline as a kfp GraphComponent for the target.

    All of its parameters have defaults. Raises ConfigError for what the recipe or the target lacks,
    for data that pods do not see, and for settings that are longer than Kubeflow accepts.
    """
    target.check(recipe)
    if target.image_prefix is None:
        raise ConfigError(
            f"target {target.name}: image_prefix is not set (registry and repository that the "
            "nodes pull images from); give --set target.image_prefix=VALUE or a YAML file of yours"
        )
    settings = recipe.with_paths(target.seen).settings()
    line = compose(
        recipe.pipeline,
        recipe.name,
        recipe.description,
        settings,
        configure=partial(_configure, target, target.image_prefix, settings),
        pipeline_root=target.pipeline_root,
        pipeline_config=dsl.PipelineConfig(active_deadline_seconds=target.active_deadline_s),
    )
    parameters = line.pipeline_spec.root.input_definitions.parameters
    for name, place in target.places.items():
        if name in parameters:
            parameters[name].default_value.string_value = place
            parameters[name].is_optional = True
    _check_length({name: each.default_value.string_value for name, each in parameters.items()})
    return line


def _check_length(defaults: dict[str, str]) -> None:
    size_bytes = len(json.dumps(defaults).encode())
    if size_bytes > MAX_PARAMETER_BYTES:
        longest = max(defaults, key=lambda name: len(defaults[name]))
        raise ConfigError(
            f"{longest}: the settings of all stages have {size_bytes:,} bytes, Kubeflow accepts "
            f"{MAX_PARAMETER_BYTES:,}; name fewer sources, such as one archive for many files"
        )


def _configure(
    target: Target, image_prefix: str, settings: dict[str, str], stage: str, task: Any
) -> None:
    """Gives the task of a stage all that the target says of it."""
    pod = target.pod(stage)
    task.set_container_image(f"{image_prefix}/{image_name(target.image_of(stage))}")
    task.set_cpu_request(pod.cpu).set_cpu_limit(pod.cpu_limit)
    task.set_memory_request(pod.memory).set_memory_limit(pod.memory_limit)
    if VARIABLE in os.environ:
        task.set_env_variable(VARIABLE, os.environ[VARIABLE])
    if not target.caching:
        task.set_caching_options(False)
    if target.retries:
        task.set_retry(target.retries, backoff_duration=RETRY_PAUSE)
    if target.queue:
        kubernetes.add_pod_label(task, QUEUE_LABEL, target.queue)
    kubernetes.set_timeout(task, pod.timeout_s)
    kubernetes.set_image_pull_policy(task, target.image_pull_policy)
    # Only where it is needed: many volumes can be on one node at a time.
    places = [f'"{value}"' for name, value in target.places.items() if name in task.inputs]
    if any(f'"{target.volume.path}/' in text for text in (settings.get(stage, ""), *places)):
        kubernetes.mount_pvc(task, target.volume.claim, target.volume.path)
    if STAGES[stage].trains:
        if target.shared_memory:
            kubernetes.empty_dir_mount(
                task,
                "shared-memory",
                "/dev/shm",  # noqa: S108 - the mount, not a file
                "Memory",
                target.shared_memory,
            )
        if target.accelerator:
            _accelerate(target.accelerator, task)


def _accelerate(accelerator: Accelerator, task: Any) -> None:
    task.set_accelerator_type(accelerator.resource).set_accelerator_limit(accelerator.count)
    if accelerator.count > 1:
        # TensorFlow would train on the first of them alone.
        task.set_env_variable("KERAS_BACKEND", "jax")
    for label, value in accelerator.labels.items():
        kubernetes.add_node_selector(task, label, value)
    for toleration in accelerator.tolerated:
        kubernetes.add_toleration(task, **toleration.model_dump())
