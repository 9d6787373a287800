"""Component `ingest`: the files of a dataset in, examples out."""

from kfp import dsl

from components.image import component


@component
def ingest(settings: str, examples: dsl.Output[dsl.Dataset]) -> None:
    """Reads a dataset and writes its train, dev and test examples.

    Args:
        settings: JSON of bertline.stages.ingest.Settings.
        examples: folder with one JSON-lines file a split.
    """
    from bertline.stages.execute import execute

    execute("ingest", settings, examples=examples.path)
