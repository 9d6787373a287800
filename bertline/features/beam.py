"""Tokenization as an Apache Beam pipeline: a shard in, a feature file out."""

import contextlib
import difflib
import itertools
import shutil
import uuid
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn, Self

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.runners.runner import create_runner

from bertline.errors import ConfigError, StageError
from bertline.examples import TEST
from bertline.features.batches import Record
from bertline.features.kinds import KINDS
from bertline.features.outcomes import has_features, outcome_file, take_outcome, write_outcome
from bertline.features.shards import Shard, Summary, encode_shard
from bertline.features.spec import InputSpec, TokenizerSpec
from bertline.features.tokenizer import Tokenizer
from bertline.leftovers import temporary_folder

RUNNERS = {
    # Not the plain DirectRunner, which downloads a runner.
    "fnapi": "apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "flink": "FlinkRunner",
    "dataflow": "DataflowRunner",
}
"""Runner → Beam's name of it."""
_DATAFLOW_NEEDS = ("project", "region", "temp_location")
_OPTIONS = "tokenize.beam_options"


@dataclass(frozen=True)
class EncodeJob:
    """What a worker needs to know to encode any shard.

    labels: the classes of the model's outputs. vocab_file: the vocabulary, on this machine.
    inputs: how much the model reads at once.
    """

    example_kind: str
    labels: Mapping[str, list[str]]
    vocab_file: Path
    tokenizer: TokenizerSpec
    inputs: InputSpec


def check_options(runner: str, options: Sequence[str]) -> Namespace:
    """The values of Beam's own options, checked without reaching any service.

    options: as on Beam's command line, such as "--region=europe-west4". Raises ConfigError for
    what Beam does not know or take, and for what the runner needs and is not given.
    """
    given = _parse(options)
    if given.runner is not None:
        raise ConfigError(f"{_OPTIONS}: --runner={given.runner}; leave it out, set beam_runner")
    # A dry run's validation asks no bucket.
    checked = PipelineOptions([*options, "--dry_run=True"])
    validator = PipelineOptionsValidator(checked, create_runner(RUNNERS[runner]))
    problems = []
    if runner == "dataflow":
        _check_dataflow(given)
        # Beam itself takes the other location for one that is wrong.
        places = [name for name in ("temp_location", "staging_location") if getattr(given, name)]
        problems = [found for name in places for found in validator.validate_gcs_path(given, name)]
    for problem in problems or validator.validate():
        raise ConfigError(f"{_OPTIONS}: {' '.join(problem.split()).rstrip('.')}; correct it")
    return given


def _check_dataflow(given: Namespace) -> None:
    missing = [f"--{name}" for name in _DATAFLOW_NEEDS if not getattr(given, name)]
    if not (given.sdk_container_image or given.extra_packages or given.setup_file):
        missing.append("--sdk_container_image (of workers that have bertline)")
    if missing:
        raise ConfigError(f"{_OPTIONS}: dataflow needs {', '.join(missing)}; give what is missing")


def _parse(options: Sequence[str]) -> Namespace:
    parsers: list[ArgumentParser] = []
    PipelineOptions([]).get_all_options(add_extra_args_fn=parsers.append)
    (parser,) = parsers

    def error(message: str) -> NoReturn:
        raise ConfigError(f"{_OPTIONS}: {message}; correct it")

    parser.error = error  # type: ignore[method-assign]
    known, unknown = parser.parse_known_args(list(options))
    for option in unknown:
        names = [f"--{name}" for name in vars(known)]
        matches = difflib.get_close_matches(option.partition("=")[0], names, n=1)
        remedy = f"did you mean {matches[0]!r}?" if matches else "Beam's --help lists what it takes"
        raise ConfigError(f"{_OPTIONS}: unknown option {option!r}; {remedy}")
    return known


def encode_shards(
    job: EncodeJob, shards: Sequence[Shard], runner: str = "fnapi", options: Sequence[str] = ()
) -> list[Summary]:
    """Writes the feature file of each shard and returns what is in them, in order.

    The bytes of a file depend on the job and on its shard only. The workers of `runner` reach the
    files by their paths, or where Beam's option --temp_location is given, by way of copies there.
    Raises ConfigError for wrong options, DataError for examples that cannot be encoded, OSError
    where a file cannot be written, StageError for the rest.
    """
    given = check_options(runner, options)
    if runner == "flink" and not given.job_endpoint:
        _check_java(given.job_server_java_launcher)
    pipeline = beam.Pipeline(runner=RUNNERS[runner], options=PipelineOptions(list(options)))
    exchange = _Exchange.below(given.temp_location) if given.temp_location else None
    # Without the reshuffle a distributed runner would fuse the steps and use one worker.
    shuffled = pipeline | "shards" >> beam.Create(shards) | "spread" >> beam.Reshuffle()
    _ = shuffled | "encode" >> beam.ParDo(_EncodeShard(job, exchange))
    try:
        with exchange.lent(job, shards) if exchange else contextlib.nullcontext():
            pipeline.run().wait_until_finish()
    except Exception as error:  # services raise what they like
        lines = str(error).splitlines() or [type(error).__name__]
        raise StageError(f"the Beam pipeline failed: {lines[0]}") from error
    return [take_outcome(shard) for shard in shards]


def _check_java(launcher: str) -> None:
    if shutil.which(launcher) is None:
        raise ConfigError(
            f"beam_runner flink: no {launcher!r}, which runs Beam's job server; install Java 17 or "
            "give the beam_option --job_endpoint=HOST:PORT of one that runs"
        )


@dataclass(frozen=True)
class _Exchange:
    """A folder at an address that all machines of a pipeline reach, for copies of its files."""

    address: str

    @classmethod
    def below(cls, location: str) -> Self:
        """A new one."""
        return cls(FileSystems.join(location, f"bertline-{uuid.uuid4().hex}"))

    @contextlib.contextmanager
    def lent(self, job: EncodeJob, shards: Sequence[Shard]) -> Iterator[None]:
        """Holds what the shards are made of; takes in the end what was made of them."""
        FileSystems.mkdirs(self.address)
        try:
            for file in {job.vocab_file, *(shard.source for shard in shards)}:
                self.put(file)
            yield
            for shard in shards:
                self.get(outcome_file(shard))
                if has_features(shard):
                    self.get(shard.target)
        finally:
            is_folder = FileSystems.get_filesystem(self.address).has_dirs()
            FileSystems.delete([self.address if is_folder else f"{self.address}/"])

    @contextlib.contextmanager
    def borrowed(self, shard: Shard) -> Iterator[Shard]:
        """The shard with its files on this machine, which are put back in the end."""
        with temporary_folder() as folder:
            source, target = (Path(folder, file.name) for file in (shard.source, shard.target))
            with self._open(shard.source) as remote, source.open("wb") as local:
                remote.seek(shard.offset_bytes)
                local.writelines(itertools.islice(remote, shard.count))
            here = replace(shard, source=source, offset_bytes=0, target=target)
            yield here
            for file in filter(Path.exists, (target, outcome_file(here))):
                self.put(file)

    def put(self, file: Path) -> None:
        """Copies a file to the exchange."""
        with file.open("rb") as local, FileSystems.create(self._at(file)) as remote:
            shutil.copyfileobj(local, remote)

    def get(self, file: Path) -> None:
        """Copies a file from the exchange to its path."""
        with self._open(file) as remote, file.open("wb") as local:
            shutil.copyfileobj(remote, local)

    def _open(self, file: Path) -> Any:
        return FileSystems.open(self._at(file))

    def _at(self, file: Path) -> str:
        address: str = FileSystems.join(self.address, file.name)
        return address


class _EncodeShard(beam.DoFn):  # type: ignore[misc]
    """Writes a shard's feature file and, beside it, its outcome."""

    interrupted = False

    def __init__(self, job: EncodeJob, exchange: _Exchange | None) -> None:
        self.job = job
        self.exchange = exchange

    def setup(self) -> None:
        vocab_file = self.job.vocab_file
        with temporary_folder() as folder:
            if self.exchange:
                vocab_file = Path(folder, vocab_file.name)
                self.exchange.get(vocab_file)
            self.tokenizer = Tokenizer.from_vocab(vocab_file, self.job.tokenizer)

    def process(self, shard: Shard) -> Iterator[None]:
        borrowed = self.exchange.borrowed(shard) if self.exchange else contextlib.nullcontext(shard)
        with borrowed as here:
            self.interrupted = not write_outcome(here, shard.source, self._encode)
        return iter(())

    def _encode(self, shard: Shard) -> Summary:
        if self.interrupted:
            # The shards that follow in this process are passed over.
            raise KeyboardInterrupt
        job, tokenizer = self.job, self.tokenizer
        kind = KINDS[job.example_kind]

        def encode(batch: Sequence[Any]) -> list[Record]:
            if shard.split == TEST:
                return kind.encode_unlabelled(tokenizer, batch, job.inputs)
            return kind.encode_examples(tokenizer, batch, job.labels, job.inputs)

        return encode_shard(shard, job.example_kind, encode, tokenizer)
