"""The pipelines as KFP has them: which component feeds which."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kfp import compiler, dsl

from bertline.artifacts import write_text
from bertline.tables.stages import STAGES
from components.compare_data import compare_data
from components.compare_models import compare_models
from components.convert import convert
from components.import_checkpoint import import_checkpoint
from components.ingest import ingest
from components.publish import publish
from pipelines.graph import stage_of
from pipelines.learning import learn, num_tokenize_tasks


class Outputs(NamedTuple):
    """What "train" gives: the report, whether the model is blessed, what was published."""

    report: dsl.Artifact
    blessed: bool
    published: dsl.Model


class Compared(NamedTuple):
    """What "retrain" gives: the comparison of the data, and what was done after it."""

    drift: dsl.Artifact
    action: str


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
    `settings[stage]`; those of quantize, which is there only if they are, are a part of the
    pipeline. "train" and "retrain" have work_root and registry too (see finetune and
    publish). configure: called with each stage and its kfp task, to say how it is run; caching is
    left to kfp, and is off for the stages that the pipeline has "always". options: of dsl.pipeline.
    """

    def finish(*tasks: Any) -> None:
        for task in tasks:
            stage = stage_of(task.name)
            if STAGES[stage].uses.get(pipeline) == "always":
                task.set_caching_options(False)
            if configure is not None:
                configure(stage, task)

    line = LINES[pipeline](settings, finish)
    return dsl.pipeline(line, name=name, description=description, **options)


def cached_under(keys: Mapping[str, str]) -> Callable[[str, Any], None]:
    """A `configure` by which kfp's local runner keeps the outputs of each stage under its key."""

    def configure(stage: str, task: Any) -> None:
        if isinstance(task.parent_task_group, dsl.ParallelFor):
            # A key of its own would be that of every turn; a variable is a part of each one's.
            task.set_caching_options(True).set_env_variable("BERTLINE_FINGERPRINT", keys[stage])
        else:
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
        ingested = ingest(settings=ingest_settings)
        examples = ingested.outputs["examples"]
        learnt = learn(
            import_checkpoint_settings,
            tokenize_settings,
            finetune_settings,
            settings.get("quantize"),
            export_settings,
            evaluate_settings,
            work_root,
            examples,
            num_tokenize_tasks(settings["tokenize"]),
            finish,
        )
        report = learnt.evaluated.outputs["report"]
        released = publish(
            settings=publish_settings,
            registry=registry,
            exported=learnt.exported,
            examples=examples,
            report=report,
        )
        finish(ingested, released)
        return Outputs(report, learnt.evaluated.outputs["Output"], released.outputs["published"])

    return line


def _retrain(settings: Mapping[str, str], finish: Callable[..., None]) -> Callable[..., Any]:

    def line(
        work_root: str,
        registry: str,
        import_checkpoint_settings: str = settings["import_checkpoint"],
        ingest_settings: str = settings["ingest"],
        compare_data_settings: str = settings["compare_data"],
        tokenize_settings: str = settings["tokenize"],
        finetune_settings: str = settings["finetune"],
        export_settings: str = settings["export"],
        evaluate_settings: str = settings["evaluate"],
        compare_models_settings: str = settings["compare_models"],
        publish_settings: str = settings["publish"],
    ) -> Compared:
        ingested = ingest(settings=ingest_settings)
        examples = ingested.outputs["examples"]
        seen = compare_data(settings=compare_data_settings, registry=registry, examples=examples)
        drift, action = seen.outputs["drift"], seen.outputs["Output"]
        finish(ingested, seen)
        with dsl.If(action == "train", name="fresh"):
            learnt = learn(
                import_checkpoint_settings,
                tokenize_settings,
                finetune_settings,
                settings.get("quantize"),
                export_settings,
                evaluate_settings,
                work_root,
                examples,
                num_tokenize_tasks(settings["tokenize"]),
                finish,
            )
            judged = compare_models(
                settings=compare_models_settings,
                registry=registry,
                drift=drift,
                model=learnt.model,
                exported=learnt.exported,
                examples=examples,
                report=learnt.evaluated.outputs["report"],
            )
            released = publish(
                settings=publish_settings,
                registry=registry,
                exported=learnt.exported,
                examples=examples,
                report=judged.outputs["compared"],
            )
            finish(judged, released)
        return Compared(drift, action)

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


LINES = {"train": _train, "retrain": _retrain, "convert": _convert}


def write_ir(line: Any, path: Path) -> None:
    """Writes the KFP IR of a composed line as YAML, whole or not at all."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "line.yaml"
        compiler.Compiler().compile(line, str(file))
        write_text(path, file.read_text(encoding="utf-8"))
