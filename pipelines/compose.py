"""The pipelines as KFP has them: which component feeds which."""

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kfp import compiler, dsl

from bertline.artifacts import write_text
from components.convert import convert
from components.evaluate import evaluate
from components.export import export
from components.finetune import finetune
from components.import_checkpoint import import_checkpoint
from components.ingest import ingest
from components.merge_features import merge_features
from components.publish import publish
from components.tokenize import tokenize


class Outputs(NamedTuple):
    """What "train" gives: the report, whether the model is blessed, what was published."""

    report: dsl.Artifact
    blessed: bool
    published: dsl.Model


class Converted(NamedTuple):
    """What "convert" gives: the folder of the files."""

    exported: dsl.Model


def compose(
    pipeline: str,
    name: str,
    description: str,
    settings: Mapping[str, str],
    cache_keys: Mapping[str, str] | None = None,
) -> Any:
    """A pipeline of recipe.PIPELINES as a kfp GraphComponent.

    Its parameters are for each stage the JSON of its settings, "<stage>_settings", by default
    `settings[stage]`; "train" has work_root and registry too (see finetune and publish).
    cache_keys: stage → key under which kfp's local runner keeps the outputs; None leaves caching
    to kfp.
    """

    def cache(*tasks: Any, in_loop: bool = False) -> None:
        if cache_keys is None:
            return
        for task in tasks:
            key = cache_keys[stage_of(task.name)]
            if in_loop:
                # A key of its own would be that of every turn; a variable is a part of each one's.
                task.set_caching_options(True).set_env_variable("BERTLINE_FINGERPRINT", key)
            else:
                task.set_caching_options(True, cache_key=key)

    line = LINES[pipeline](settings, cache)
    return dsl.pipeline(line, name=name, description=description)


def _train(settings: Mapping[str, str], cache: Callable[..., None]) -> Callable[..., Any]:

    def line(
        work_root: str,
        registry: str,
        import_checkpoint_settings: str = settings["import_checkpoint"],
        ingest_settings: str = settings["ingest"],
        tokenize_settings: str = settings["tokenize"],
        finetune_settings: str = settings["finetune"],
        export_settings: str = settings["export"],
        evaluate_settings: str = settings["evaluate"],
        publish_settings: str = settings["publish"],
    ) -> Outputs:
        imported = import_checkpoint(settings=import_checkpoint_settings)
        encoder = imported.outputs["encoder"]
        ingested = ingest(settings=ingest_settings)
        examples = ingested.outputs["examples"]
        features = tokenized(
            _num_tasks(settings["tokenize"]),
            cache,
            settings=tokenize_settings,
            examples=examples,
            encoder=encoder,
        )
        finetuned = finetune(
            settings=finetune_settings, work_root=work_root, encoder=encoder, features=features
        )
        model = finetuned.outputs["model"]
        converted = export(
            settings=export_settings, model=model, features=features, examples=examples
        )
        exported = converted.outputs["exported"]
        evaluated = evaluate(
            settings=evaluate_settings,
            model=model,
            exported=exported,
            features=features,
            examples=examples,
        )
        report = evaluated.outputs["report"]
        released = publish(
            settings=publish_settings, registry=registry, exported=exported, report=report
        )
        cache(imported, ingested, finetuned, converted, evaluated, released)
        return Outputs(report, evaluated.outputs["Output"], released.outputs["published"])

    return line


def _num_tasks(settings: str) -> int:
    """How many tasks share tokenization: one a shard, unless Beam's runner has its own workers."""
    values = json.loads(settings)
    return values.get("num_shards", 1) if values.get("beam_runner", "fnapi") == "fnapi" else 1


def tokenized(num_tasks: int, cache: Callable[..., None], **inputs: Any) -> Any:
    """The features that one tokenize task writes, or several that write a shard each.

    inputs: those of the component tokenize. To be called where a pipeline is composed.
    """
    if num_tasks == 1:
        whole = tokenize(**inputs)
        cache(whole)
        return whole.outputs["features"]
    with dsl.ParallelFor(list(range(num_tasks))) as shard:
        part = tokenize(**inputs, shard=shard)
        cache(part, in_loop=True)
    merged = merge_features(shards=dsl.Collected(part.outputs["features"]))
    cache(merged)
    return merged.outputs["features"]


def _convert(settings: Mapping[str, str], cache: Callable[..., None]) -> Callable[..., Any]:
    def line(
        import_checkpoint_settings: str = settings["import_checkpoint"],
        convert_settings: str = settings["convert"],
    ) -> Converted:
        imported = import_checkpoint(settings=import_checkpoint_settings)
        converted = convert(settings=convert_settings, source=imported.outputs["encoder"])
        cache(imported, converted)
        return Converted(converted.outputs["exported"])

    return line


LINES = {"train": _train, "convert": _convert}


def stage_of(task_name: str) -> str:
    """The stage behind the name that kfp gives its task ("import-checkpoint")."""
    return task_name.replace("-", "_")


def upstream(line: Any) -> dict[str, list[str]]:
    """Stage → the stages whose outputs it takes, by name, of a composed line."""
    spec = line.pipeline_spec
    tasks = spec.root.dag.tasks

    def stages(name: str) -> list[str]:
        inside = spec.components[tasks[name].component_ref.name].dag.tasks  # of a loop
        return [stage_of(each) for each in inside or (name,)]

    return {
        stage: sorted(each for other in task.dependent_tasks for each in stages(other))
        for name, task in tasks.items()
        for stage in stages(name)
    }


def write_ir(line: Any, path: Path) -> None:
    """Writes the KFP IR of a composed line as YAML, whole or not at all."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "line.yaml"
        compiler.Compiler().compile(line, str(file))
        write_text(path, file.read_text(encoding="utf-8"))
