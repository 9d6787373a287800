"""The line as a KFP pipeline: which component feeds which."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kfp import compiler, dsl

from bertline.artifacts import write_text
from components.evaluate import evaluate
from components.export import export
from components.finetune import finetune
from components.import_checkpoint import import_checkpoint
from components.ingest import ingest
from components.publish import publish
from components.tokenize import tokenize


class Outputs(NamedTuple):
    """What the pipeline gives: the report, whether the model is blessed, what was published."""

    report: dsl.Artifact
    blessed: bool
    published: dsl.Model


def compose(
    name: str,
    description: str,
    settings: Mapping[str, str],
    cache_keys: Mapping[str, str] | None = None,
) -> Any:
    """The line as a kfp GraphComponent.

    Its parameters are work_root and registry (see finetune and publish) and for each stage the
    JSON of its settings, "<stage>_settings", by default `settings[stage]`. cache_keys: stage →
    key under which kfp's local runner keeps the outputs; None leaves caching to kfp.
    """

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
        if cache_keys is not None:
            for task in (imported, ingested, tokenized, finetuned, converted, evaluated, released):
                task.set_caching_options(True, cache_key=cache_keys[stage_of(task.name)])
        return Outputs(report, evaluated.outputs["Output"], released.outputs["published"])

    return dsl.pipeline(line, name=name, description=description)


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
