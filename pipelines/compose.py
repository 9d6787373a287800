"""The pipelines as KFP has them: which component feeds which."""

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
    configure: Callable[[str, Any], None] | None = None,
    **options: Any,
) -> Any:
    """A pipeline of recipe.PIPELINES as a kfp GraphComponent.

    Its parameters are for each stage the JSON of its settings, "<stage>_settings", by default
    `settings[stage]`; "train" has work_root and registry too (see finetune and publish).
    configure: called with each stage and its kfp task, to say how it is run. options: of
    dsl.pipeline.
    """

    def finish(*tasks: Any) -> None:
        if configure is not None:
            for task in tasks:
                configure(stage_of(task.name), task)

    line = LINES[pipeline](settings, finish)
    return dsl.pipeline(line, name=name, description=description, **options)


def cached_under(keys: Mapping[str, str]) -> Callable[[str, Any], None]:
    """A `configure` by which kfp's local runner keeps the outputs of each stage under its key."""

    def configure(stage: str, task: Any) -> None:
        task.set_caching_options(True, cache_key=keys[stage])

    return configure


def _train(settings: Mapping[str, str], finish: Callable[..., None]) -> Callable[..., Any]:

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
        tokenized = tokenize(settings=tokenize_settings, examples=examples, encoder=encoder)
        features = tokenized.outputs["features"]
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
        finish(imported, ingested, tokenized, finetuned, converted, evaluated, released)
        return Outputs(report, evaluated.outputs["Output"], released.outputs["published"])

    return line


def _convert(settings: Mapping[str, str], finish: Callable[..., None]) -> Callable[..., Any]:
    def line(
        import_checkpoint_settings: str = settings["import_checkpoint"],
        convert_settings: str = settings["convert"],
    ) -> Converted:
        imported = import_checkpoint(settings=import_checkpoint_settings)
        converted = convert(settings=convert_settings, source=imported.outputs["encoder"])
        finish(imported, converted)
        return Converted(converted.outputs["exported"])

    return line


LINES = {"train": _train, "convert": _convert}


def stage_of(task_name: str) -> str:
    """The stage behind the name that kfp gives its task ("import-checkpoint")."""
    return task_name.replace("-", "_")


def upstream(line: Any) -> dict[str, list[str]]:
    """Stage → the stages whose outputs it takes, by name, of a composed line."""
    tasks = line.pipeline_spec.root.dag.tasks
    return {stage_of(n): sorted(map(stage_of, t.dependent_tasks)) for n, t in tasks.items()}


def write_ir(line: Any, path: Path) -> None:
    """Writes the KFP IR of a composed line as YAML, whole or not at all."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "line.yaml"
        compiler.Compiler().compile(line, str(file))
        write_text(path, file.read_text(encoding="utf-8"))
