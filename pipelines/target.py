"""Targets: YAML files that tell on which cluster a pipeline runs, and with what its pods."""

import math
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field

from bertline.config import Config, nearest
from bertline.errors import ConfigError
from bertline.tables.stages import IMAGES, STAGES
from pipelines.names import DnsName, ImagePrefix, Label, LabelKey, LabelValue
from pipelines.recipe import Recipe, read_values, replaced

FOLDER = Path(__file__).parent / "targets"
TPU = "cloud.google.com/gke-tpu-accelerator"
SPOT = "cloud.google.com/gke-spot"
"""Labels of Google Kubernetes Engine: the kind of a TPU, and whether a node may be taken away."""
ONE_HOST = ("1x1", "2x2", "2x4")
TOPOLOGIES = {"tpu-v5-lite-podslice": ONE_HOST, "tpu-v6e-slice": ONE_HOST}
"""Kind of TPU (v5e, v6e) → topologies of slices that one pod has whole."""
UNITS = {"": 1.0, "m": 1e-3} | {
    f"{letter}{i}": base**power
    for power, letter in enumerate("KMGTPE", start=1)
    for i, base in (("", 1000.0), ("i", 1024.0))
}

Cpu = Annotated[str, Field(pattern=r"^\d+(\.\d+)?$|^\d+m$")]
Memory = Annotated[str, Field(pattern=r"^\d+([KMGTPE]i?)?$")]
Count = Annotated[int, Field(gt=0)]
Seconds = Annotated[int, Field(gt=0)]


class Pod(Config):
    """What the pod of a stage asks for; None leaves the default of the stage.

    cpu, memory: requested, in the units of Kubernetes ("500m", "4Gi"). cpu_limit, memory_limit:
    what it may use. timeout_s: how long it may run, once it has a node.
    """

    cpu: Cpu | None = None
    cpu_limit: Cpu | None = None
    memory: Memory | None = None
    memory_limit: Memory | None = None
    timeout_s: Seconds | None = None


LIGHT = Pod(cpu="500m", cpu_limit="2", memory="1Gi", memory_limit="4Gi", timeout_s=3600)
MEDIUM = Pod(cpu="1", cpu_limit="4", memory="2Gi", memory_limit="8Gi", timeout_s=3 * 3600)
HEAVY = Pod(cpu="2", cpu_limit="8", memory="4Gi", memory_limit="16Gi", timeout_s=6 * 3600)
PODS = {
    "light": LIGHT,
    "medium": MEDIUM,
    "heavy": HEAVY,
    "training": HEAVY.model_copy(update={"timeout_s": 24 * 3600}),
}
"""Class of pod, as the table of stages has it → what such a pod asks for by default."""


class Toleration(Config):
    """A taint of nodes that pods accept; "Equal" compares its value too."""

    key: LabelKey
    operator: Literal["Exists", "Equal"] = "Exists"
    value: LabelValue | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None


class Accelerator(Config):
    """What the pods of training stages get beside CPUs.

    count: GPUs, or chips of a TPU, in one pod. topology: of a TPU slice, such as "2x4"; all of its
    chips are in one pod. node_selector: labels of the nodes that have it; where several pods share
    a GPU, the labels of such nodes. spot: nodes that cost less and may be taken away; a retry
    continues from the last checkpoint.
    """

    resource: Literal["nvidia.com/gpu", "google.com/tpu"]
    count: Count = 1
    topology: Annotated[str, Field(pattern=r"^\d+x\d+(x\d+)?$")] | None = None
    node_selector: dict[LabelKey, LabelValue] = {}
    tolerations: tuple[Toleration, ...] = ()
    spot: bool = False

    @property
    def labels(self) -> dict[str, str]:
        """The labels that a node must have, topology and spot among them."""
        topology = {"cloud.google.com/gke-tpu-topology": self.topology} if self.topology else {}
        return self.node_selector | topology | ({SPOT: "true"} if self.spot else {})

    @property
    def tolerated(self) -> tuple[Toleration, ...]:
        """The taints of nodes that training pods accept, that of spot nodes among them."""
        taint = Toleration(key=SPOT, operator="Equal", value="true", effect="NoSchedule")
        return (*self.tolerations, taint) if self.spot else self.tolerations


class Volume(Config):
    """A persistent volume claim that is there, and where pods find it."""

    claim: DnsName
    path: Annotated[str, Field(pattern=r"^(/[^/]+)+$")] = "/bertline"


class Kubeflow(Config):
    """How Kubeflow Pipelines is reached, and as whom.

    host: of ml-pipeline-ui (or of the Kubeflow gateway, with /pipeline), which serves the API and
    tells of pods. auth: see pipelines.cluster.credentials. namespace: where runs' pods are.
    experiment: groups the runs. service_account: of the pods; None: the installation's default.
    """

    host: Annotated[str, Field(pattern=r"^https?://[^/\s]+(/\S*)?$")] = "http://localhost:8080"
    auth: Literal["none", "token", "cookie", "service-account"] = "none"
    namespace: Label = "kubeflow"
    experiment: Annotated[str, Field(min_length=1, max_length=128)] = "bertline"
    service_account: DnsName | None = None


class Target(Config):
    """A cluster, and how pipelines run there.

    image_prefix: what stands before the names of images: registry and repository; compiling needs
    it. training_image: of the training stages, the others run in "core". pods: stage → what differs
    from its defaults. volume: for the checkpoints of training and, where it is no gs:// address,
    the registry. pipeline_root: where artifacts go; None: the installation's own store. retries: of
    a failed pod. shared_memory: size of /dev/shm in training pods. active_deadline_s: of a whole
    run, waiting for nodes included. caching: let Kubeflow reuse the outputs of stages with equal
    settings; it does not see whether sources changed. queue: the LocalQueue of Kueue that admits
    the pods of stages, whose namespace Kueue has to manage. project: where images keep `samples`.
    """

    name: str
    description: str
    image_prefix: ImagePrefix | None = None
    training_image: Literal["core", "train-gpu", "train-tpu"] = "core"
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    accelerator: Accelerator | None = None
    pods: dict[str, Pod] = {}
    volume: Volume
    registry: str | None = None
    pipeline_root: Annotated[str, Field(pattern=r"^(gs|s3|minio)://\S+$")] | None = None
    retries: Annotated[int, Field(ge=0)] = 2
    shared_memory: Memory | None = None
    active_deadline_s: Seconds = 2 * 24 * 3600
    caching: bool = False
    queue: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")] | None = None
    project: Annotated[str, Field(pattern=r"^(/[^/]+)+$")] = "/opt/bertline"
    kubeflow: Kubeflow = Kubeflow()

    def pod(self, stage: str) -> Pod:
        """What the pod of a stage asks for, every field set."""
        changes = self.pods.get(stage, Pod()).model_dump(exclude_none=True)
        return PODS[STAGES[stage].pod].model_copy(update=changes)

    def image_of(self, stage: str) -> str:
        """The set of dependencies, a folder of images/, that a stage runs with."""
        return self.training_image if STAGES[stage].trains else STAGES[stage].image

    @property
    def places(self) -> dict[str, str]:
        """Parameter of a pipeline → where pods have what a local run has below its root."""
        return {
            "work_root": f"{self.volume.path}/work",
            "registry": self.registry or f"{self.volume.path}/registry",
        }

    def seen(self, path: str) -> str:
        """Where a pod finds what a recipe names by `path`, which is no address.

        Relative paths are the project's. Raises ConfigError for one on the user's machine.
        """
        inside = PurePosixPath(self.project, path)
        if not any(inside.is_relative_to(each) for each in (self.project, self.volume.path)):
            raise ConfigError(
                f"{path}: on this machine, where pods of target {self.name} do not see it; give an "
                f"address (gs://, https://), or a path below {self.volume.path} on its volume"
            )
        return str(inside)

    def check(self, recipe: Recipe | None = None) -> None:
        """Raises ConfigError for what does not go together, in the target or with a recipe."""
        for problem in self._problems(recipe):
            raise ConfigError(f"target {self.name}: {problem}")

    def _problems(self, recipe: Recipe | None) -> Any:
        for stage in self.pods:
            if stage not in STAGES:
                yield f"pods: unknown stage {stage!r}; {nearest(stage, list(STAGES))}"
        for stage in STAGES:
            yield from _pod_problems(stage, self.pod(stage))
        has = self.accelerator and self.accelerator.resource
        if IMAGES[self.training_image].accelerator != has:
            fitting = next(image.name for image in IMAGES.values() if image.accelerator == has)
            yield f"training_image {self.training_image} with accelerator {has}; give {fitting}"
        if self.accelerator:
            yield from _accelerator_problems(self.accelerator)
        if recipe and recipe.needs_accelerator and not has:
            yield f"no accelerator, and recipe {recipe.name} needs one; give another target"


def target_names() -> list[str]:
    """Names of the targets that come with the project."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def load_target(name: str, changes: Mapping[str, Any] | None = None) -> Target:
    """The target of that name, or in that YAML file, with other values; raises ConfigError.

    changes: "key" → value, deeper keys dotted ("accelerator.count").
    """
    file, values = read_values(name, FOLDER, "target")
    for key, value in (changes or {}).items():
        values = replaced(values, key.split("."), value, f"target.{key}")
    target = Target.parse({"name": file.stem, **values}, where=f"target {file.stem}")
    target.check()
    return target


def _pod_problems(stage: str, pod: Pod) -> Any:
    for what, request, limit in (
        ("cpu", pod.cpu, pod.cpu_limit),
        ("memory", pod.memory, pod.memory_limit),
    ):
        assert request is not None and limit is not None, "Target.pod sets every field"
        if _quantity(request) > _quantity(limit):
            yield f"pods.{stage}.{what} {request} is above its limit {limit}; raise {what}_limit"


def _accelerator_problems(accelerator: Accelerator) -> Any:
    is_tpu = accelerator.resource == "google.com/tpu"
    if is_tpu and not accelerator.topology:
        yield "accelerator.topology is not set; give that of the slice, such as 2x4"
    if accelerator.topology:
        chips = math.prod(map(int, accelerator.topology.split("x")))
        if not is_tpu:
            yield f"accelerator.topology {accelerator.topology} is for a TPU; leave it out"
        elif chips != accelerator.count:
            yield (
                f"accelerator.topology {accelerator.topology} has {chips} chips, count is "
                f"{accelerator.count}; a stage is one pod, which has all chips of its slice"
            )
        kind = accelerator.node_selector.get(TPU, "")
        if is_tpu and accelerator.topology not in TOPOLOGIES.get(kind, (accelerator.topology,)):
            yield (
                f"accelerator.topology {accelerator.topology} of {kind} has several hosts; a stage "
                f"is one pod: give one of {', '.join(TOPOLOGIES[kind])}, or see manifests/jobs"
            )
    for toleration in accelerator.tolerations:
        if (toleration.operator == "Equal") != (toleration.value is not None):
            yield f"toleration of {toleration.key}: a value goes with Equal, and only with it"


def _quantity(text: str) -> float:
    """The number that a quantity of Kubernetes stands for: "500m" is 0.5, "1Ki" 1024."""
    match = re.fullmatch(r"([\d.]+)(\D*)", text)
    assert match, "the pattern of Cpu or Memory"
    return float(match[1]) * UNITS[match[2]]
