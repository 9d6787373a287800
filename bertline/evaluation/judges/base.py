"""What a judge of answers is: from right answers and given ones to counts, tables, baselines."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from bertline.config import Config
from bertline.evaluation.metrics import Counts, Metric
from bertline.features.tokenizer import Tokenizer

Labels = Mapping[str, list[str]]
Cell = str | int | float


class Table(Config):
    """A table of the report.

    Floats are percentages. is_confusion: the columns are the rows' classes again, and each cell is
    a number of examples.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    is_confusion: bool = False


class Judge(Protocol):
    """Judges the answers to one kind of examples.

    metrics: name → function of summed counts. aspects: names of what makes two answers the same.
    """

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Metric by name."""
        ...

    @property
    def aspects(self) -> tuple[str, ...]:
        """Names of an answer's aspects."""
        ...

    def truths(self, examples: Sequence[Any], tokenizer: Tokenizer) -> Sequence[Any]:
        """The right answer to each example, as `counts` and `tables` take it."""
        ...

    def counts(self, truths: Sequence[Any], answers: Sequence[Any]) -> Counts:
        """A row of numbers for each example, which `metrics` take the sums of."""
        ...

    def tables(
        self, truths: Sequence[Any], answers: Sequence[Any], counts: Counts, labels: Labels
    ) -> tuple[Table, ...]:
        """Results by class, slot, kind of question; `counts` are those of truths and answers."""
        ...

    def baselines(self, train: Sequence[Any], test: Sequence[Any]) -> dict[str, dict[str, float]]:
        """What answers without a neural network → metric → percent on the test examples."""
        ...
