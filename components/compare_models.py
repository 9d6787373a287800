"""Component `compare_models`: a report and a registry in, a report with both models out."""

from kfp import dsl

from components.image import component


@component
def compare_models(
    settings: str,
    registry: str,
    drift: dsl.Input[dsl.Artifact],
    model: dsl.Input[dsl.Model],
    exported: dsl.Input[dsl.Model],
    examples: dsl.Input[dsl.Dataset],
    report: dsl.Input[dsl.Artifact],
    compared: dsl.Output[dsl.Artifact],
    page: dsl.Output[dsl.HTML],
) -> bool:
    """Runs the version in use on the test split too; returns whether the new model is blessed."""
    import shutil
    from pathlib import Path

    from bertline.evaluation.gate import Verdict
    from bertline.stages.execute import execute

    inputs = {
        "drift": drift,
        "model": model,
        "exported": exported,
        "examples": examples,
        "report": report,
    }
    paths = {name: artifact.path for name, artifact in inputs.items()}
    execute("compare_models", settings, registry=registry, compared=compared.path, **paths)
    shutil.copyfile(Path(compared.path) / "report.html", page.path)
    return Verdict.read(Path(compared.path)).blessed
