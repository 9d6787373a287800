"""Component `export`: a model in, the files that are deployed out."""

from kfp import dsl

from components.image import component


@component
def export(
    settings: str,
    model: dsl.Input[dsl.Model],
    features: dsl.Input[dsl.Dataset],
    examples: dsl.Input[dsl.Dataset],
    exported: dsl.Output[dsl.Model],
) -> None:
    """Converts a model to the formats of its runtimes.

    Args:
        settings: JSON of bertline.stages.export.Settings.
        model: from finetune.
        features: from tokenize; training rows calibrate the int8 files.
        examples: from ingest; dev questions tune when one is left unanswered.
        exported: folder with a file or folder for each format.
    """
    from bertline.stages.execute import execute

    execute(
        "export",
        settings,
        model=model.path,
        features=features.path,
        examples=examples.path,
        exported=exported.path,
    )
