"""Runs a file on the material and turns what it says and costs into results."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bertline.evaluation.forward import batches, forward
from bertline.evaluation.intervals import drop_intervals
from bertline.evaluation.latency import Timed, timing_of, warm_shapes
from bertline.evaluation.material import Material, Rows, Split
from bertline.evaluation.metrics import Counts, metrics_of, percent
from bertline.evaluation.predictors import Predictor
from bertline.evaluation.results import Agreement, FileFacts, FileResult, Timing
from bertline.features.answers import Answer, Logits, differing_aspects
from bertline.progress import Progress


@dataclass(frozen=True)
class Observation:
    """What one file said and what it cost.

    logits: of each row of the test features, without padding. answers, counts: of the test
    examples. agreement_answers: of the material's agreement examples.
    """

    logits: list[Logits]
    answers: Sequence[Answer]
    counts: Counts
    agreement_answers: Sequence[Answer]
    timing: Timing


def observe(predictor: Predictor, material: Material, batch_size: int) -> Observation:
    """Runs `predictor` on all of `material` and times it.

    The calls that throughput is taken from give the logits of their texts, so that no text is run
    once more to be timed. batch_size: where the predictor does not fix it.
    """
    test, agreement = material.test, material.agreement
    rows = np.arange(len(test.features))
    timed_rows = material.throughput_rows
    untimed, singles, batched = Timed(predictor), Timed(predictor), Timed(predictor)
    with Progress(
        f"evaluate {predictor.name}", len(test.features) + len(agreement.features), "texts"
    ) as progress:

        def run(caller: Predictor, split: Split, chosen: Rows) -> list[Logits]:
            return forward(caller, split.features, chosen, batch_size, progress.update)

        agreement_logits = run(untimed, agreement, np.arange(len(agreement.features)))
        other_rows = np.setdiff1d(rows, timed_rows)
        other_logits = run(untimed, test, other_rows)
        texts = [next(batches(test.features, row, 1))[1] for row in material.latency_rows[:, None]]
        rows_of_batch = predictor.fixed_batch or batch_size
        whole_batches = [batch for _, batch in batches(test.features, timed_rows, rows_of_batch)]
        warm_shapes(predictor, [*texts, *whole_batches], untimed.calls)
        for text in texts:
            singles(text)
        timed_logits = run(batched, test, timed_rows)
    places = np.argsort(np.concatenate([other_rows, timed_rows]))
    in_order = [*other_logits, *timed_logits]
    logits = [in_order[place] for place in places.tolist()]
    answers = _decode(material, test, logits)
    return Observation(
        logits=logits,
        answers=answers,
        counts=material.judge.counts(material.truths, answers),
        agreement_answers=_decode(material, agreement, agreement_logits),
        timing=timing_of(singles, batched),
    )


def file_result(
    facts: FileFacts,
    observed: Observation,
    reference: Observation | None,
    material: Material,
    bootstrap_samples: int,
) -> FileResult:
    """The results of one file; reference=None: it is the reference itself."""
    judge, counts = material.judge, observed.counts
    finite = all(np.isfinite(values).all() for row in observed.logits for values in row.values())
    return FileResult(
        **facts.model_dump(),
        finite_logits=finite,
        metrics=metrics_of(counts, judge.metrics),
        metrics_without_leaked=metrics_of(counts[~material.leaked], judge.metrics),
        drops=None
        if reference is None
        else drop_intervals([reference.counts], [counts], list(judge.metrics), bootstrap_samples),
        logit_difference=None
        if reference is None or not finite
        else logit_difference(reference.logits, observed.logits),
        agreement=None
        if reference is None
        else agreement_of(reference.agreement_answers, observed.agreement_answers, judge.aspects),
        timing=observed.timing,
        tables=judge.tables(material.truths, observed.answers, counts, material.meanings.labels),
    )


def logit_difference(first: Sequence[Logits], second: Sequence[Logits]) -> float:
    """The largest |Δ| between the logits of the same examples, over all outputs."""
    return max(
        float(np.abs(one[name] - other[name]).max())
        for one, other in zip(first, second, strict=True)
        for name in one
    )


def agreement_of(
    reference: Sequence[Answer], answers: Sequence[Answer], aspects: Sequence[str]
) -> Agreement | None:
    """How often both say the same of the same items; None where there are none."""
    if not answers:
        return None
    differing = [differing_aspects(*pair) for pair in zip(reference, answers, strict=True)]
    return Agreement(
        count=len(answers),
        same={
            aspect: float(percent(sum(aspect not in names for names in differing), len(answers)))
            for aspect in aspects
        },
    )


def _decode(material: Material, split: Split, logits: Sequence[Logits]) -> Sequence[Answer]:
    return split.kind.decode(split.items, split.features, logits, material.meanings)
