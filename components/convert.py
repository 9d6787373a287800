"""Component `convert`: an encoder, a model or a graph in, the files that are deployed out."""

from kfp import dsl

from components.image import component


@component
def convert(settings: str, source: dsl.Input[dsl.Model], exported: dsl.Output[dsl.Model]) -> None:
    """Converts what is trained already to the formats of its runtimes.

    Args:
        settings: JSON of bertline.stages.convert.Settings.
        source: from import_checkpoint; or a model of finetune, or a SavedModel.
        exported: folder with a file or folder for each format.
    """
    from bertline.stages.execute import execute

    execute("convert", settings, source=source.path, exported=exported.path)
