"""The table of stages, and of the images that they run in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Use = Literal["cached", "always", "optional"]
"""How a pipeline has a stage: run unless its outputs are cached, run each time, or cached and only
where the recipe has settings for it."""
PodClass = Literal["light", "medium", "heavy", "training"]


@dataclass(frozen=True)
class Image:
    """A set of dependencies: the folder of images/ with that name, and its lock.

    accelerator: the resource of Kubernetes that its libraries are built for.
    """

    name: str
    accelerator: str | None = None


@dataclass(frozen=True)
class Stage:
    """What the runners of stages have to know of one.

    output: the one of its paths that it writes an artifact to. uses: pipeline → how it has the
    stage. image: key of IMAGES; a target may choose another for a stage that trains. pod: key of
    pipelines.target.PODS. trains: on an accelerator where there is one, with the Keras backend that
    the user chooses. uses_keras: it builds or runs a network of Keras. reads_registry: its result
    depends on the registry, which is no input that kfp knows of. sources: settings that hold paths
    or addresses of what comes from outside the pipeline.
    """

    name: str
    output: str
    uses: Mapping[str, Use]
    image: str = "core"
    pod: PodClass = "light"
    trains: bool = False
    uses_keras: bool = False
    reads_registry: bool = False
    sources: tuple[str, ...] = ()


IMAGES = {
    image.name: image
    for image in (
        Image("core"),
        Image("train-gpu", accelerator="nvidia.com/gpu"),
        Image("train-tpu", accelerator="google.com/tpu"),
    )
}

STAGES = {
    stage.name: stage
    for stage in (
        Stage(
            "import_checkpoint",
            output="encoder",
            uses={"train": "cached", "retrain": "cached", "convert": "cached"},
            sources=("checkpoint", "config", "vocab"),
        ),
        Stage(
            "ingest",
            output="examples",
            # A run that trains again looks at its source anew.
            uses={"train": "cached", "retrain": "always"},
            sources=("source",),
        ),
        Stage(
            "compare_data",
            output="drift",
            uses={"retrain": "always"},
            pod="medium",
            reads_registry=True,
        ),
        Stage(
            "tokenize",
            output="features",
            uses={"train": "cached", "retrain": "cached"},
            pod="medium",
        ),
        # What joins the shards of several tokenize tasks; it has no settings.
        Stage("merge_features", output="features", uses={}),
        Stage(
            "finetune",
            output="model",
            uses={"train": "cached", "retrain": "cached"},
            pod="training",
            trains=True,
            uses_keras=True,
            sources=("init_from",),
        ),
        Stage(
            "quantize",
            output="quantized",
            uses={"train": "optional", "retrain": "optional"},
            pod="training",
            trains=True,
            uses_keras=True,
        ),
        Stage(
            "export",
            output="exported",
            uses={"train": "cached", "retrain": "cached"},
            pod="heavy",
            uses_keras=True,
        ),
        Stage(
            "convert",
            output="exported",
            uses={"convert": "cached"},
            pod="heavy",
            uses_keras=True,
            sources=("calibration",),
        ),
        Stage(
            "evaluate",
            output="report",
            # A run has a verdict of its own, and publishes what is not there yet.
            uses={"train": "always", "retrain": "always"},
            pod="heavy",
            uses_keras=True,
            sources=("reference",),
        ),
        Stage(
            "compare_models",
            output="compared",
            uses={"retrain": "always"},
            pod="heavy",
            reads_registry=True,
        ),
        Stage(
            "publish",
            output="published",
            uses={"train": "always", "retrain": "always"},
            reads_registry=True,
        ),
    )
}
"""In the order in which data flows."""


def stages_of(pipeline: str, *uses: Use) -> tuple[str, ...]:
    """The stages that a pipeline has in one of these ways."""
    return tuple(stage.name for stage in STAGES.values() if stage.uses.get(pipeline) in uses)
