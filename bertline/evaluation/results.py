"""What an evaluation measured: the content of `metrics.json`.

Metrics and agreements are percentages, drops are points (percent minus percent).
"""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from bertline.artifacts import Document
from bertline.config import Config
from bertline.evaluation.judges import Table
from bertline.usage import Cost

REFERENCE = "keras"
"""Name of the forward pass of the model in Keras, which the exported files are compared with."""
ROUNDED = "fake quantization"
"""Precision of the reference where the model was trained with fake quantization from the start, and
no float model was given."""

Percentage = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0)]


class Interval(Config):
    """An estimate with the limits of its 95 % interval."""

    estimate: float
    low: float
    high: float


WAITING = 1.2
"""Wall time over CPU time from which calls count as disturbed."""


class Timing(Config):
    """What running one file cost.

    calls: batches of one text behind the latency figures and `cpu_ms_per_call`.
    batched_examples: texts behind the figures of length-sorted batches.
    """

    calls: Count
    latency_ms_p50: float
    latency_ms_p95: float
    cpu_ms_per_call: float
    batched_examples: Count
    throughput_per_second: float
    batched_cpu_ms_per_example: float

    @property
    def is_disturbed(self) -> bool:
        """Whether calls waited for a processor, and so took longer than they computed.

        A call of one thread or more takes no more wall time than CPU time if nothing else runs.
        """
        return self.latency_ms_p50 > WAITING * self.cpu_ms_per_call

    def compared_ms(self, by_cpu: bool) -> float:
        """What a call costs: its CPU time, of all threads together, or its wall time."""
        return self.cpu_ms_per_call if by_cpu else self.latency_ms_p50


class Agreement(Config):
    """How often a file answers as the reference does, over `count` training examples.

    same: aspect of an answer ("intent", "slots", "class", "answer") → percent.
    """

    count: Count
    same: dict[str, Percentage]


class ModelFacts(Config):
    """What the model costs by its shape.

    flops: of its encoder on `length` tokens, a multiply-accumulate counted as two. prune_ratio:
    percent of the values of weight matrices that are zero.
    """

    parameters: Count
    flops: Count
    length: Count
    prune_ratio: Percentage


class FileFacts(Config):
    """What is known of a file before it is run.

    float_tensor_bytes: of the floating-point tensors in it and of a call's, 0 if it is in integers
    alone. integer_mac_share: percent of multiply-accumulates done in integers. Both are of one text
    of the longest length (export.inspection) and None where they are not known, as in older
    reports. instruction_set: that its runtime has on the machine of the evaluation.
    """

    name: str
    runtime: str
    precision: str
    size_bytes: Count
    float_tensor_bytes: Count | None = None
    integer_mac_share: Percentage | None = None
    instruction_set: str | None = None


class AgainstChampion(Config):
    """The same form of the version in use, run on the same test examples.

    drops: its metrics minus those of the new file.
    """

    metrics: dict[str, Percentage]
    drops: dict[str, Interval]


class FileResult(FileFacts):
    """Everything measured on one file, or on the reference.

    metrics_without_leaked: over the test examples that are not in training too. drops: of the
    metrics against the reference. logit_difference: the largest |Δ| to the reference's logits at
    real (not padded) positions, None where logits are not finite. drops, logit_difference and
    agreement are None for the reference. champion: None where there is none in this form.
    """

    finite_logits: bool
    metrics: dict[str, Percentage]
    metrics_without_leaked: dict[str, Percentage]
    drops: dict[str, Interval] | None
    logit_difference: float | None
    agreement: Agreement | None
    timing: Timing
    tables: tuple[Table, ...]
    champion: AgainstChampion | None = None


class Results(Document):
    """All of an evaluation.

    metrics: names in order of importance, the first is the one that plots use. unmeasured: names of
    metrics that have nothing to measure in this data; they are not gated. test_count, of
    which leaked_count are in training too. baselines: what answers without a neural network →
    metric → percent. files: exported files, in the order of exports.json. data, settings,
    environment: what the report shows about where the numbers come from. champion: the version in
    use that the files were compared with. stages: what each stage cost, up to the evaluation.
    """

    file_name: ClassVar[str] = "metrics.json"
    task: str
    model: ModelFacts
    metrics: tuple[str, ...]
    unmeasured: tuple[str, ...] = ()
    test_count: Count
    leaked_count: Count
    baselines: dict[str, dict[str, Percentage]]
    reference: FileResult
    files: tuple[FileResult, ...]
    data: dict[str, Any]
    settings: dict[str, Any]
    environment: dict[str, str]
    champion: int | None = None
    stages: dict[str, Cost] = {}

    def confusion(self, *, is_int8: bool) -> Table | None:
        """The confusion matrix of the first file that is, or is not, in int8.

        None where there is no such file, and for problems without classes.
        """
        floats = ("float", "fp")
        files = (file for file in self.files if file.precision.startswith(floats) != is_int8)
        tables = (table for file in files for table in file.tables if table.is_confusion)
        return next(tables, None)
