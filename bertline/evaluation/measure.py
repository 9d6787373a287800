"""Runs a file on the material and turns what it says and costs into results."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bertline.evaluation.forward import batches, forward
from bertline.evaluation.intervals import drop_intervals
from bertline.evaluation.latency import measure
from bertline.evaluation.material import Material, Rows, Split
from bertline.evaluation.metrics import METRICS, Counts, metrics_of, percent, tagged_text_counts
from bertline.evaluation.predictors import Logits, Predictor
from bertline.evaluation.results import Agreement, FileFacts, FileResult, Timing
from bertline.evaluation.tables import confusion_matrix, intent_table, slot_table
from bertline.features.decode import TaggedAnswer, decode_tagged_text
from bertline.progress import Progress


@dataclass(frozen=True)
class Observation:
    """What one file said and what it cost.

    logits: of each test example, without padding. answers, counts: of the test examples.
    agreement_answers: of the material's agreement rows, in their order.
    """

    logits: list[Logits]
    answers: list[TaggedAnswer]
    counts: Counts
    agreement_answers: list[TaggedAnswer]
    timing: Timing


def observe(predictor: Predictor, material: Material, batch_size: int) -> Observation:
    """Runs `predictor` on all of `material`, then times it.

    batch_size: where the predictor does not fix it.
    """
    test_rows = np.arange(len(material.truths))
    agreement_rows = material.agreement_rows
    total = len(test_rows) + len(agreement_rows)
    test, train = material.test.features, material.train.features
    with Progress(f"evaluate {predictor.name}", total, "texts") as progress:
        logits = forward(predictor, test, test_rows, batch_size, progress.update)
        agreement_logits = forward(predictor, train, agreement_rows, batch_size, progress.update)
    answers = _decode(material, material.test, test_rows, logits)
    rows_of_batch = predictor.fixed_batch or batch_size
    return Observation(
        logits=logits,
        answers=answers,
        counts=tagged_text_counts(material.truths, answers),
        agreement_answers=_decode(material, material.train, agreement_rows, agreement_logits),
        timing=measure(
            predictor,
            singles=[next(batches(test, row, 1))[1] for row in material.latency_rows[:, None]],
            batches=[batch for _, batch in batches(test, test_rows, rows_of_batch)],
        ),
    )


def file_result(
    facts: FileFacts,
    observed: Observation,
    reference: Observation | None,
    material: Material,
    bootstrap_samples: int,
) -> FileResult:
    """The results of one file; reference=None: it is the reference itself."""
    intents = material.spec.labels["intents"]
    truths, counts, answers = material.truths, observed.counts, observed.answers
    finite = all(np.isfinite(values).all() for row in observed.logits for values in row.values())
    return FileResult(
        **facts.model_dump(),
        finite_logits=finite,
        metrics=metrics_of(counts, list(METRICS)),
        metrics_without_leaked=metrics_of(counts[~material.leaked], list(METRICS)),
        drops=None
        if reference is None
        else drop_intervals([reference.counts], [counts], list(METRICS), bootstrap_samples),
        logit_difference=None
        if reference is None or not finite
        else logit_difference(reference.logits, observed.logits),
        agreement=None if reference is None else agreement(reference, observed),
        timing=observed.timing,
        intents=intent_table(truths, answers, counts, intents),
        slots=slot_table(truths, answers),
        confusion=confusion_matrix(truths, answers, intents),
    )


def logit_difference(first: Sequence[Logits], second: Sequence[Logits]) -> float:
    """The largest |Δ| between the logits of the same examples, over all outputs."""
    return max(
        float(np.abs(one[name] - other[name]).max())
        for one, other in zip(first, second, strict=True)
        for name in one
    )


def agreement(reference: Observation, observed: Observation) -> Agreement | None:
    """How often both say the same on the agreement texts; None where there are no such texts."""
    pairs = list(zip(reference.agreement_answers, observed.agreement_answers, strict=True))
    if not pairs:
        return None
    same_intent = sum(one.intent == other.intent for one, other in pairs)
    same_slots = sum(one.slots == other.slots for one, other in pairs)
    return Agreement(
        count=len(pairs),
        intent=float(percent(same_intent, len(pairs))),
        slots=float(percent(same_slots, len(pairs))),
    )


def _decode(
    material: Material, split: Split, rows: Rows, logits: Sequence[Logits]
) -> list[TaggedAnswer]:
    return [
        decode_tagged_text(
            split.examples[row].text,
            split.features.record(row),
            of_row["intent_logits"],
            of_row["slot_logits"],
            material.spec.labels,
        )
        for row, of_row in zip(rows.tolist(), logits, strict=True)
    ]
