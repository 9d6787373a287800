"""Component `compare_data`: fresh examples and a registry in, what is to be done with them out."""

from kfp import dsl

from components.image import component


@component
def compare_data(
    settings: str,
    registry: str,
    examples: dsl.Input[dsl.Dataset],
    drift: dsl.Output[dsl.Artifact],
    page: dsl.Output[dsl.HTML],
) -> str:
    """Compares the data with that of the version in use; returns "train", "skip" or "refuse".

    Args:
        settings: JSON of bertline.stages.compare_data.Settings.
        registry: folder or address that holds the versions of all models.
        examples: from ingest.
        drift: folder with the measures of both and the checks.
        page: the same to read.
    """
    import shutil
    from pathlib import Path

    from bertline.drift.verdict import Drift
    from bertline.stages.execute import execute

    execute("compare_data", settings, registry=registry, examples=examples.path, drift=drift.path)
    shutil.copyfile(Path(drift.path) / "drift.html", page.path)
    return Drift.read(Path(drift.path)).action
