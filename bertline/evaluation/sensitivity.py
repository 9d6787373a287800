"""What each site of a LiteRT file costs when it is quantized, and which have to stay float."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from bertline.artifacts import Document
from bertline.config import Config
from bertline.evaluation.judges import METRICS


class SiteCost(Config):
    """What it costs that a site alone has int8 activations.

    site: its name, or a kind for all sites of that kind. divergence: mean Kullback-Leibler
    divergence of the file's answers from the float file's, in nats. drops: of the metrics, points.
    """

    site: str
    divergence: float
    drops: dict[str, float]


class Outlier(Config):
    """A channel of the residual stream that reaches far beyond the others.

    size: its largest value, without the sign. usual: what 98 % of the channels stay within. token,
    position: where it was found.
    """

    site: str
    channel: int
    size: float
    usual: float
    token: str
    position: int

    def line(self) -> str:
        """The outlier as text."""
        return (
            f"{self.site}: channel {self.channel} reaches {self.size:.1f} at {self.token} "
            f"(position {self.position}); 98 % of the channels stay within {self.usual:.1f}"
        )


class Trial(Config):
    """A file that was tried. float_sites: those left float; drops: of its metrics, in points."""

    float_sites: tuple[str, ...]
    drops: dict[str, float]
    passed: bool


class Sensitivity(Document):
    """An analysis, and the search for the sites that have to stay float.

    examples: how many dev examples sites were measured on; trial_examples: on how many files were
    tried. base: the divergence of a file in which all sites are float and weights int8. sites: the
    costliest first. always_float: kinds that are float in every file. chosen: the sites left float
    beside them in the file that was written; None if no setting was within max_drop, in points.
    """

    file_name: ClassVar[str] = "sensitivity.json"
    examples: int
    trial_examples: int
    max_drop: float
    reference: dict[str, float]
    base: float
    sites: tuple[SiteCost, ...]
    outliers: tuple[Outlier, ...]
    trials: tuple[Trial, ...]
    always_float: tuple[str, ...]
    chosen: tuple[str, ...] | None

    @property
    def float_sites(self) -> tuple[str, ...]:
        """All sites and kinds that stay float in the file written; if none passed, every site."""
        if self.chosen is not None:
            return (*self.always_float, *self.chosen)
        return (*self.always_float, *self.trials[-1].float_sites)

    def lines(self) -> Iterator[str]:
        """The analysis as text: sites, outliers, what was tried, the verdict."""
        yield f"{'site in int8, all else float':32}  divergence  {_heads(self.reference)}"
        for cost in self.sites:
            yield f"{cost.site:32}  {cost.divergence:10.5f}  {_cells(cost.drops)}"
        yield (
            f"drops in points on {self.examples} dev examples; divergence in nats, that of int8 "
            f"weights alone is {self.base:.5f}"
        )
        for outlier in self.outliers:
            yield outlier.line()
        yield f"{'tried: float beside the usual':32}  {'':10}  {_heads(self.reference)}"
        for trial in self.trials:
            told = f"{len(trial.float_sites)} sites"
            verdict = "within" if trial.passed else "beyond"
            yield f"{told:32}  {verdict:>10}  {_cells(trial.drops)}"
        told = f"{self.max_drop:g} points on {self.trial_examples} dev examples"
        if self.chosen is None:
            yield f"NOT BLESSED: no setting is within {told}; train it with quantization"
        else:
            yield f"BLESSED: within {told}, left float: {', '.join(self.chosen) or 'nothing more'}"


def _heads(metrics: Mapping[str, float]) -> str:
    return "  ".join(f"{METRICS[name].label:>17}" for name in metrics)


def _cells(drops: Mapping[str, float]) -> str:
    return "  ".join(f"{drop:+17.2f}" for drop in drops.values())
