"""Trying int8 variants of a float LiteRT file on dev examples: each is written, opened and run."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertline.evaluation.forward import forward
from bertline.evaluation.judges import Judge
from bertline.evaluation.material import Split
from bertline.evaluation.metrics import metrics_of
from bertline.evaluation.predictors.litert import LiteRtPredictor
from bertline.export.litert_int8 import write_int8
from bertline.export.ranges import TensorRanges
from bertline.features.answers import Logits, Meanings
from bertline.modeling.site_table import SiteTable


@dataclass
class Bench:
    """Writes int8 variants of a float file and runs them on one split.

    source: the float LiteRT file. sites: of the family of its encoder. scratch: a path that
    variants are written to, one at a time. metrics: which of the judge's count. outputs: names of
    the files' outputs.
    """

    source: Path
    ranges: TensorRanges
    sites: SiteTable
    scratch: Path
    split: Split
    judge: Judge
    meanings: Meanings
    metrics: Sequence[str]
    outputs: Sequence[str]

    def __post_init__(self) -> None:
        self._truths = self.judge.truths(self.split.examples, self.meanings.tokenizer)
        self._logits = self._run(self.source)
        self.reference = self._metrics(self._logits)

    def part(self, chosen: NDArray[np.int64]) -> "Bench":
        """The bench with these examples alone."""
        return replace(self, split=self.split.part(chosen))

    def measure(self, float_sites: Collection[str]) -> tuple[float, dict[str, float]]:
        """Divergence and drops, against the float file, of one that leaves these sites float."""
        write_int8(self.source, self.scratch, self.ranges, float_sites, self.sites)
        logits = self._run(self.scratch)
        metrics = self._metrics(logits)
        drops = {name: self.reference[name] - metrics[name] for name in metrics}
        return divergence(self._logits, logits), drops

    def _run(self, path: Path) -> list[Logits]:
        predictor = LiteRtPredictor(path, path.stem, self.outputs)
        features = self.split.features
        return forward(predictor, features, np.arange(len(features)), 1)

    def _metrics(self, logits: Sequence[Logits]) -> dict[str, float]:
        split = self.split
        answers = split.kind.decode(split.items, split.features, logits, self.meanings)
        found = metrics_of(self.judge.counts(self._truths, answers), self.judge.metrics)
        return {name: found[name] for name in self.metrics}


def divergence(first: Sequence[Logits], second: Sequence[Logits]) -> float:
    """The mean over examples and outputs of KL(softmax(first) || softmax(second)), in nats.

    The softmax runs over the last axis; of tokens the mean is taken.
    """
    found = [
        float(np.mean(_divergence(one[name], other[name])))
        for one, other in zip(first, second, strict=True)
        for name in one
    ]
    return float(np.mean(found))


def _divergence(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    p, q = (_log_softmax(each.astype(np.float64)) for each in (first, second))
    return np.asarray((np.exp(p) * (p - q)).sum(axis=-1))


def _log_softmax(x: NDArray[Any]) -> NDArray[Any]:
    x = x - x.max(axis=-1, keepdims=True)
    return np.asarray(x - np.log(np.exp(x).sum(axis=-1, keepdims=True)))
