"""Single checks of a value against a bound, and the bounds of drops, which two stages have."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from bertline.config import Config, nearest
from bertline.errors import ConfigError
from bertline.evaluation.judges import METRICS, Judge
from bertline.evaluation.results import Interval

DECIMALS = 9
"""Values are compared after rounding: 99.0 − 98.7 is 0.3 and not above it."""

Points = Annotated[float, Field(ge=0, le=100)]


def known_keys(thresholds: Mapping[str, float], known: list[str]) -> Mapping[str, float]:
    """The thresholds; raises ValueError for a key that is not known, naming the nearest."""
    for key in thresholds:
        if key not in known:
            raise ValueError(f"unknown key {key!r}; {nearest(key, known)}")
    return thresholds


def _of_metrics(thresholds: Mapping[str, float]) -> Mapping[str, float]:
    return known_keys(thresholds, list(METRICS))


PointsOfMetrics = Annotated[Mapping[str, Points], AfterValidator(_of_metrics)]
"""Metric → points."""


def require_known(where: str, thresholds: Mapping[str, float], known: list[str]) -> None:
    """Raises ConfigError for a threshold of what the task does not have."""
    for key in thresholds:
        if key not in known:
            raise ConfigError(f"{where}: {key!r} is not of this task; {nearest(key, known)}")


class Check(Config):
    """One comparison of a value with its bound, described in `text`."""

    passed: bool
    text: str


def at_least(bound: float, value: float, found: str, asked: str) -> Check:
    """The check that `value` is not below `bound`; found, asked: both in words."""
    passed = round(value - bound, DECIMALS) >= 0
    return Check(passed=passed, text=f"{found}; at least {asked} is asked for")


def at_most(bound: float, value: float, found: str, asked: str) -> Check:
    """The check that `value` is not above `bound`; found, asked: both in words."""
    passed = round(value - bound, DECIMALS) <= 0
    return Check(passed=passed, text=f"{found}; at most {asked} is allowed")


class DropLimits(Config):
    """By how much metrics may lie below those of something else; what is left out is not checked.

    maximum_drop: metric → points, held against the estimate of the drop: passes a file that is as
    good as far as one can see. maximum_drop_upper: metric → points, held against the upper limit of
    the drop's 95 % interval: the file has to show that it is not worse, which takes more examples.
    """

    maximum_drop: PointsOfMetrics = {}
    maximum_drop_upper: PointsOfMetrics = {}

    def check_task(self, judge: Judge) -> None:
        """Raises ConfigError for a limit that is not of the judge's metrics."""
        for limits in (self.maximum_drop, self.maximum_drop_upper):
            require_known("gate", limits, list(judge.metrics))

    def drop_checks(self, drops: Mapping[str, Interval], reference: str) -> Iterator[Check]:
        """The checks of these drops; reference: whose metrics they are below, in the genitive."""
        for metric, most in self.maximum_drop.items():
            drop = drops[metric]
            yield at_most(
                most,
                drop.estimate,
                f"{METRICS[metric].label} is {drop.estimate:.2f} points below {reference} "
                f"(95 % interval {drop.low:.2f} to {drop.high:.2f})",
                f"{most:g} points",
            )
        for metric, most in self.maximum_drop_upper.items():
            drop = drops[metric]
            yield at_most(
                most,
                drop.high,
                f"{METRICS[metric].label} is {drop.estimate:.2f} points below {reference}, up to "
                f"{drop.high:.2f} by its 95 % interval",
                f"{most:g} points",
            )
