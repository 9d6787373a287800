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
    confusion_float: dsl.Output[dsl.ClassificationMetrics],
    confusion_int8: dsl.Output[dsl.ClassificationMetrics],
) -> bool:
    """Measures every exported file in its own runtime; returns whether the model is blessed.

    The confusion matrices are those of the first float and the first int8 file, for classifiers.
    """
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
    results = Results.read(folder)
    for file in results.files:
        for metric, percent in file.metrics.items():
            metrics.log_metric(f"{file.name}.{metric}", percent)
    for artifact, is_int8 in ((confusion_float, False), (confusion_int8, True)):
        table = results.confusion(is_int8=is_int8)
        if table:
            rows = [list(row[1:]) for row in table.rows]
            artifact.log_confusion_matrix(list(table.columns[1:]), rows)
    for artifact in (metrics, confusion_float, confusion_int8):
        Path(artifact.path).touch()  # kfp's local cache holds only what is on the disk
    return Verdict.read(folder).blessed
