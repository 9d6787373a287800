"""Tokenization as an Apache Beam pipeline: a shard in, a feature file out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from bertline.artifacts import read_json, write_json
from bertline.errors import DataError, StageError
from bertline.features.kinds import KINDS
from bertline.features.shards import Shard, Summary, encode_shard
from bertline.features.spec import InputSpec
from bertline.features.tokenizer import Tokenizer


@dataclass(frozen=True)
class EncodeJob:
    """What a worker needs to know to encode any shard.

    labels: the classes of the model's outputs. vocab_file: a path that the worker can read.
    inputs: how much the model reads at once.
    """

    example_kind: str
    labels: Mapping[str, list[str]]
    vocab_file: Path
    do_lower_case: bool
    inputs: InputSpec


def encode_shards(job: EncodeJob, shards: Sequence[Shard]) -> list[Summary]:
    """Writes the feature file of each shard and returns what is in them, in order.

    The bytes of a file depend on the job and on its shard only. Raises DataError for examples
    that cannot be encoded, OSError where a file cannot be written, StageError for the rest.
    """
    # Not the plain DirectRunner, which downloads a runner; no flags from the command line.
    pipeline = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([]))
    # Without the reshuffle a distributed runner would fuse the steps and use one worker.
    shuffled = pipeline | "shards" >> beam.Create(shards) | "spread" >> beam.Reshuffle()
    _ = shuffled | "encode" >> beam.ParDo(_EncodeShard(job))
    try:
        pipeline.run().wait_until_finish()
    except RuntimeError as error:
        raise StageError(f"the Beam pipeline failed: {str(error).splitlines()[0]}") from error
    return [_take_outcome(shard) for shard in shards]


class _EncodeShard(beam.DoFn):  # type: ignore[misc]
    """Writes a shard's feature file and, beside it, its outcome.

    What goes wrong is part of the outcome, since Beam keeps no exception's class.
    """

    interrupted = False

    def __init__(self, job: EncodeJob) -> None:
        self.job = job

    def setup(self) -> None:
        self.tokenizer = Tokenizer.from_vocab(self.job.vocab_file, self.job.do_lower_case)

    def process(self, shard: Shard) -> Iterator[None]:
        job = self.job
        encode = KINDS[job.example_kind].encode_examples
        outcome: dict[str, Any]
        try:
            if self.interrupted:
                raise KeyboardInterrupt
            summary = encode_shard(
                shard,
                job.example_kind,
                lambda batch: encode(self.tokenizer, batch, job.labels, job.inputs),
            )
            outcome = {"summary": asdict(summary)}
        except DataError as error:
            outcome = {"data_error": str(error)}
        except OSError as error:
            outcome = {"os_error": [error.errno, error.strerror, error.filename]}
        except KeyboardInterrupt:
            # The shards that follow in this process are passed over.
            self.interrupted = True
            outcome = {"interrupted": True}
        write_json(_outcome_file(shard), outcome)
        return iter(())


def _take_outcome(shard: Shard) -> Summary:
    file = _outcome_file(shard)
    outcome = read_json(file)
    file.unlink()
    if "interrupted" in outcome:
        raise KeyboardInterrupt
    if "data_error" in outcome:
        raise DataError(outcome["data_error"])
    if "os_error" in outcome:
        raise OSError(*outcome["os_error"])
    return Summary(**outcome["summary"])


def _outcome_file(shard: Shard) -> Path:
    return shard.target.with_suffix(".json")
