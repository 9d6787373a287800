"""The gate: measured results in, a verdict with reasons out.

The model is blessed if its float32 reference reaches the minima and every required exported file
passes. Failing is a result like any other: it is written down, and nothing is raised.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, field_validator

from bertline.artifacts import Document
from bertline.config import Config
from bertline.evaluation.checks import (
    Check,
    DropLimits,
    PointsOfMetrics,
    at_least,
    at_most,
    known_keys,
    require_known,
)
from bertline.evaluation.judges import ASPECTS, METRICS, Judge
from bertline.evaluation.results import FileResult, Percentage, Results

Positive = Annotated[float, Field(gt=0)]


class Gate(DropLimits):
    """Thresholds; whatever is left out is not asked for.

    minimum: metric → percent that the reference and every file must reach. maximum_drop,
    maximum_drop_upper: of a file's metrics against the reference's, see DropLimits.
    minimum_agreement: aspect of an answer ("intent", "slots", "class") → percent of the agreement
    examples answered as by the reference. maximum_logit_difference: file → |Δ| to the reference's
    logits. maximum_latency_ms_p95, maximum_size_bytes: of each file. required: names of the files
    that must pass, all if empty.
    """

    minimum: PointsOfMetrics = {}
    minimum_agreement: Mapping[str, Percentage] = {}
    maximum_logit_difference: Mapping[str, Positive] = {}
    maximum_latency_ms_p95: Positive | None = None
    maximum_size_bytes: Annotated[int, Field(gt=0)] | None = None
    required: tuple[str, ...] = ()

    @field_validator("minimum_agreement")
    @classmethod
    def _known_agreements(cls, thresholds: Mapping[str, float]) -> Mapping[str, float]:
        return known_keys(thresholds, list(ASPECTS))

    def check_task(self, judge: Judge) -> None:
        """Raises ConfigError for a threshold that is not of the judge's metrics and aspects."""
        super().check_task(judge)
        require_known("gate", self.minimum, list(judge.metrics))
        require_known("gate", self.minimum_agreement, list(judge.aspects))

    def without(self, metrics: Collection[str]) -> Self:
        """The same thresholds but for those of `metrics`."""
        kept = {
            name: {key: value for key, value in thresholds.items() if key not in metrics}
            for name, thresholds in (
                ("minimum", self.minimum),
                ("maximum_drop", self.maximum_drop),
                ("maximum_drop_upper", self.maximum_drop_upper),
            )
        }
        return self.model_copy(update=kept)


class FileVerdict(Config):
    """The checks of one file; `passed` if all of them did.

    instruction_set: that it was judged on, as in FileFacts.
    """

    name: str
    required: bool
    passed: bool
    checks: tuple[Check, ...]
    instruction_set: str | None = None

    @property
    def reasons(self) -> list[str]:
        """What the failed checks say."""
        return [check.text for check in self.checks if not check.passed]


class Verdict(Document):
    """Whether the model is blessed; `reasons` says why not and is empty if it is.

    files: the reference first, then the exported files.
    """

    file_name: ClassVar[str] = "verdict.json"
    blessed: bool
    reasons: tuple[str, ...]
    files: tuple[FileVerdict, ...]


def judge(gate: Gate, results: Results) -> Verdict:
    """The verdict on `results`; reasons name the file, the value and the bound.

    Thresholds of metrics that have nothing to measure are passed over.
    """
    gate = gate.without(results.unmeasured)
    names = [file.name for file in results.files]
    verdicts = [_verdict(gate, results.reference, required=True)]
    verdicts += [
        _verdict(gate, file, required=file.name in (gate.required or names))
        for file in results.files
    ]
    reasons = [f"{name}: required, but not exported" for name in gate.required if name not in names]
    if not names:
        reasons.append("no file was exported")
    for verdict in verdicts:
        if verdict.required:
            reasons += [f"{verdict.name}: {reason}" for reason in verdict.reasons]
    return Verdict(blessed=not reasons, reasons=tuple(reasons), files=tuple(verdicts))


def _verdict(gate: Gate, file: FileResult, required: bool) -> FileVerdict:
    checks = tuple(_checks(gate, file))
    passed = all(check.passed for check in checks)
    return FileVerdict(
        name=file.name,
        required=required,
        passed=passed,
        checks=checks,
        instruction_set=file.instruction_set,
    )


def _checks(gate: Gate, file: FileResult) -> Iterator[Check]:
    if not file.finite_logits:
        yield Check(passed=False, text="some logits are not finite numbers")
    for metric, least in gate.minimum.items():
        label, value = METRICS[metric].label, file.metrics[metric]
        yield at_least(least, value, f"{label} is {value:.2f} %", f"{least:g} %")
    if file.drops is None:
        return
    yield from gate.drop_checks(file.drops, "the training model's")
    if file.agreement is not None:
        for kind, least in gate.minimum_agreement.items():
            value = file.agreement.same[kind]
            found = f"same {kind} as the training model on {value:.2f} % of "
            found += f"{file.agreement.count:,} training texts"
            yield at_least(least, value, found, f"{least:g} %")
    if file.logit_difference is not None and file.name in gate.maximum_logit_difference:
        most, value = gate.maximum_logit_difference[file.name], file.logit_difference
        yield at_most(
            most, value, f"logits differ from the training model's by {value:.2g}", f"{most:g}"
        )
    if gate.maximum_latency_ms_p95 is not None:
        most, value = gate.maximum_latency_ms_p95, file.timing.latency_ms_p95
        yield at_most(most, value, f"latency p95 is {value:.1f} ms", f"{most:g} ms")
    if gate.maximum_size_bytes is not None:
        most, value = gate.maximum_size_bytes, file.size_bytes
        yield at_most(most, value, f"size is {value:,} bytes", f"{most:,} bytes")
