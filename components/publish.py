"""Component `publish`: a judged export in, a version of the registry out."""

from kfp import dsl

from components.image import component


@component
def publish(
    settings: str,
    registry: str,
    exported: dsl.Input[dsl.Model],
    examples: dsl.Input[dsl.Dataset],
    report: dsl.Input[dsl.Artifact],
    published: dsl.Output[dsl.Model],
) -> None:
    """Moves the exported folder into the registry if its report says that it is blessed.

    Args:
        settings: JSON of bertline.stages.publish.Settings.
        registry: folder or address that holds the versions of all models.
        exported: from export.
        examples: from ingest; what they are like is kept with the version.
        report: from evaluate or compare_models; holds the verdict.
        published: folder that tells the version, or why there is none.
    """
    from bertline.stages.execute import execute

    execute(
        "publish",
        settings,
        exported=exported.path,
        examples=examples.path,
        report=report.path,
        registry=registry,
        published=published.path,
    )
