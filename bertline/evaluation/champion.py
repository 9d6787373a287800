"""A new model against the version in use, the champion: both on the same test examples.

The champion's files are run as they are deployed, each in its own runtime and with its own
vocabulary and labels. A metric of the new model counts as not worse when the upper limit of the
interval of its drop is within a margin: a test of non-inferiority, in which the newcomer has to
show what it claims (Piaggio et al., "Reporting of noninferiority and equivalence randomized
trials", JAMA 308, 2012). A small test split therefore speaks for the champion.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bertline.errors import DataError
from bertline.evaluation.checks import Check, DropLimits
from bertline.evaluation.forward import forward
from bertline.evaluation.gate import FileVerdict, Verdict
from bertline.evaluation.inference import LoadedModel, load
from bertline.evaluation.intervals import drop_intervals
from bertline.evaluation.judges import Judge, judge_for
from bertline.evaluation.metrics import Counts, metrics_of
from bertline.evaluation.predictions import read_counts
from bertline.evaluation.predictors import predictor_names
from bertline.evaluation.results import AgainstChampion, FileResult, Results
from bertline.examples import Example
from bertline.features.answers import Meanings
from bertline.features.batches import FeatureSet
from bertline.modeling.config import ModelSpec
from bertline.progress import Progress
from bertline.tasks import get_task


def with_champion(
    results: Results,
    report: Path,
    examples: Sequence[Example],
    champion: Path,
    version: int,
    batch_size: int,
    bootstrap_samples: int,
) -> Results:
    """`results` with what the champion, a version folder, answers to the same test examples.

    report: the folder of `results`, which has the new model's predictions. examples: the test
    split. Raises DataError where the champion is of another task or the examples are others.
    """
    task = ModelSpec.read(champion).task
    if task != results.task:
        raise DataError(
            f"{champion}: a model of task {task!r}, not {results.task!r}; give the new one another "
            "name in compare_data and publish"
        )
    names = predictor_names(champion)
    judge = judge_for(get_task(task))

    def compared(file: FileResult) -> FileResult:
        if file.name not in names:
            return file
        candidate = read_counts(report, file.name)
        if len(candidate) != len(examples):
            raise DataError(f"{report}: made from other test examples; run evaluate again")
        counts = counts_of(load(champion, file.name), examples, judge, batch_size)
        drops = drop_intervals([counts], [candidate], list(judge.metrics), bootstrap_samples)
        found = AgainstChampion(metrics=metrics_of(counts, judge.metrics), drops=drops)
        return file.model_copy(update={"champion": found})

    files = tuple(compared(file) for file in results.files)
    return results.model_copy(update={"champion": version, "files": files})


def counts_of(
    model: LoadedModel, examples: Sequence[Example], judge: Judge, batch_size: int
) -> Counts:
    """The counts [examples, columns] of a model's answers, as evaluate counts them."""
    items = [model.kind.item(example) for example in examples]
    features = FeatureSet.of(model.kind.encode_items(model.tokenizer, items, model.spec.inputs))
    with Progress(f"champion {model.predictor.name}", len(features), "texts") as progress:
        rows = np.arange(len(features))
        logits = forward(model.predictor, features, rows, batch_size, progress.update)
    meanings = Meanings(model.tokenizer, model.spec.labels, model.spec.answering)
    answers = model.kind.decode(items, features, logits, meanings)
    return judge.counts(judge.truths(examples, model.tokenizer), answers)


def judge_against_champion(verdict: Verdict, results: Results, limits: DropLimits) -> Verdict:
    """The verdict with further checks: of each file that the champion has in the same form.

    Where no file can be compared the model is not blessed.
    """
    reference, *files = verdict.files
    judged = [
        _judged(file, _checks(result.champion, results.champion, limits))
        for file, result in zip(files, results.files, strict=True)
    ]
    reasons = list(verdict.reasons)
    for before, after in zip(files, judged, strict=True):
        if after.required:
            reasons += [
                f"{after.name}: {reason}" for reason in after.reasons[len(before.reasons) :]
            ]
    if not any(result.champion for result in results.files):
        reasons.append(f"no file in a form that version {results.champion} has; export one of them")
    return Verdict(blessed=not reasons, reasons=tuple(reasons), files=(reference, *judged))


def _judged(file: FileVerdict, checks: tuple[Check, ...]) -> FileVerdict:
    passed = file.passed and all(check.passed for check in checks)
    return file.model_copy(update={"passed": passed, "checks": (*file.checks, *checks)})


def _checks(
    champion: AgainstChampion | None, version: int | None, limits: DropLimits
) -> tuple[Check, ...]:
    if champion is None:
        return ()
    return tuple(limits.drop_checks(champion.drops, f"version {version}'s"))
