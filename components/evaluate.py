"""Component `evaluate`: exported files and test examples in, a report with a verdict out."""

from kfp import dsl

from components.image import component


@component
def evaluate(
    settings: str,
    model: dsl.Input[dsl.Model],
    exported: dsl.Input[dsl.Model],
    features: dsl.Input[dsl.Dataset],
    examples: dsl.Input[dsl.Dataset],
    report: dsl.Output[dsl.Artifact],
    page: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
) -> bool:
    """Measures every exported file in its own runtime; returns whether the model is blessed."""
    import shutil
    from pathlib import Path

    from bertline.evaluation.gate import Verdict
    from bertline.evaluation.results import Results
    from bertline.stages.execute import execute

    inputs = {"model": model, "exported": exported, "features": features, "examples": examples}
    paths = {name: artifact.path for name, artifact in inputs.items()}
    execute("evaluate", settings, report=report.path, **paths)

    folder = Path(report.path)
    shutil.copyfile(folder / "report.html", page.path)
    for file in Results.read(folder).files:
        for metric, percent in file.metrics.items():
            metrics.log_metric(f"{file.name}.{metric}", percent)
    Path(metrics.path).touch()  # kfp's local cache holds only what is on the disk
    return Verdict.read(folder).blessed
