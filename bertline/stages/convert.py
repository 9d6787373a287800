"""convert: an encoder, a model or somebody's graph → files for the runtimes, without training."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from bertline.artifacts import file_sha256, new_artifact, write_json
from bertline.config import Config
from bertline.errors import ConfigError, DataError
from bertline.evaluation.inference import read_items
from bertline.export.listing import (
    CALIBRATED,
    FORMATS,
    INTEGER,
    USUAL_FORMATS,
    Calibration,
    Exports,
    check_format,
)
from bertline.features.answers import Item
from bertline.features.batches import FeatureSet, Record
from bertline.features.kinds import KINDS
from bertline.features.spec import InputSpec
from bertline.features.tokenizer import Tokenizer
from bertline.files import naming
from bertline.leftovers import temporary_folder
from bertline.modeling.config import ModelSpec
from bertline.modeling.families.base import ENCODER_FILE
from bertline.progress import Progress
from bertline.storage import fetch
from bertline.storage.gcs import beginning

SOURCE_FILES = (ModelSpec.file_name, ENCODER_FILE, "saved_model.pb")


class Settings(Config):
    """What to write, and from what.

    formats: names of FORMATS, or of USUAL_FORMATS for the usual form of a runtime. output: of a
    checkpoint, "pooled" or "sequence" instead of its head; without a head both by default.
    output_names: those of a SavedModel or .pb to keep, by default all. static: "1x128" fixes batch
    and length; by default both are open, but a LiteRT file has batch 1. calibration: path or
    address of JSON lines {"text": …}, needed for int8 activations. tokenizer_inside: OpenVINO forms
    also as one that takes strings. max_seq_length: where texts are cut, in tokens; by default
    where the model ends. trust: of a SavedModel or .pb, run also operations that reach files.
    """

    formats: Annotated[tuple[str, ...], Field(min_length=1)] = tuple(USUAL_FORMATS)
    output: Literal["head", "pooled", "sequence"] | None = None
    output_names: tuple[str, ...] = ()
    static: str | None = None
    calibration: Annotated[str | None, Field(validate_default=True)] = None
    tokenizer_inside: bool = False
    max_seq_length: Annotated[int, Field(gt=2)] | None = None
    trust: bool = False

    @field_validator("formats")
    @classmethod
    def _known(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        for name in formats:
            check_format(name, [*USUAL_FORMATS, *FORMATS])
            if name == INTEGER:
                raise ValueError(f"{name} needs training; a recipe with the stage quantize has it")
        return formats

    @field_validator("static")
    @classmethod
    def _two_sizes(cls, static: str | None) -> str | None:
        if static is not None and not re.fullmatch(r"[1-9]\d*x[1-9]\d*", static):
            raise ValueError("expected BATCHxLENGTH, such as 1x128")
        return static

    @field_validator("calibration")
    @classmethod
    def _int8_is_calibrated(cls, calibration: str | None, info: ValidationInfo) -> str | None:
        for name in CALIBRATED:
            if calibration is None and name in info.data.get("formats", ()):
                raise ValueError(f"{name} needs texts for its ranges; give a file of some")
        return calibration

    @property
    def forms(self) -> list[str]:
        """The names of FORMATS to write; with calibration, OpenVINO's family has its int8 too."""
        forms = [USUAL_FORMATS.get(name, name) for name in self.formats]
        if self.calibration is not None and "openvino" in self.formats:
            forms.append("openvino_int8")
        return list(dict.fromkeys(forms))

    @property
    def shape(self) -> tuple[int | None, int | None]:
        """(batch, length), None being open."""
        if self.static is None:
            return (None, None)
        batch, _, length = self.static.partition("x")
        return int(batch), int(length)

    def longest(self, limit: int) -> int:
        """Where texts are cut in a model of at most `limit` tokens; ConfigError if beyond it."""
        longest = self.max_seq_length or self.shape[1] or limit
        if max(longest, self.shape[1] or 0) > limit:
            raise ConfigError(
                f"{longest} tokens asked for, the model takes {limit}; give a shorter length"
            )
        return min(longest, self.shape[1] or longest)


def is_source(place: str) -> bool:
    """Whether a path or gs:// address is something that `run` takes, and no foreign checkpoint."""
    marks = [f"{place.rstrip('/')}/{name}" for name in SOURCE_FILES]
    if place.endswith(".pb"):
        marks.append(place)
    if place.startswith("gs://"):
        return any(mark in beginning(mark) for mark in marks)
    return any(Path(mark).expanduser().is_file() for mark in marks)


def run(settings: Settings, *, source: Path, exported: Path) -> None:
    """Writes the artifact `exported`: exports.json, the files, vocab.txt if known, a description.

    The description is model.json where the outputs are a head's, encoder.json where they are the
    encoder's. source: an encoder, a model, a SavedModel folder or a frozen .pb file. Raises
    CheckpointError, DataError or ConfigError for what cannot be converted as asked, StageError if a
    conversion fails.
    """
    from bertline.export.calibration import samples_of
    from bertline.export.exporter import Exporter
    from bertline.export.source import open_source

    opened = open_source(source, settings.output, settings.output_names, settings.trust)
    for part in opened.left_out:
        print(f"left out: {part}")
    longest = settings.longest(opened.max_seq_length)
    description = {name: _cut_at(longest, told) for name, told in opened.description.items()}
    text_input = opened.text_input(longest) if settings.tokenizer_inside else None
    about = {"source_sha256": file_sha256(opened.weights)}
    with (
        new_artifact(exported, "exported", about) as folder,
        temporary_folder() as scratch,
        Progress("convert", len(settings.forms), "files") as progress,
    ):
        features, samples = FeatureSet.of([]), []
        if settings.calibration is not None:
            texts = _texts(settings.calibration, scratch)
            if opened.encoder and any(isinstance(text, tuple) for text in texts.values()):
                opened.encoder.check_pairs(f"{settings.calibration}: a line")
            features = _encoded(texts, opened.tokenizer(), longest)
            samples = samples_of(opened.graph, features, range(len(features)))
        exporter = Exporter(
            opened.graph,
            samples,
            scratch,
            settings.shape,
            text_input,
            fold=opened.fold,
            sites=opened.sites,
        )
        files = []
        for name in settings.forms:
            files.append(exporter.export(name, folder))
            progress.update(note=f"{name} {files[-1].size_bytes / 1e6:.1f} MB")
        calibration = Calibration(count=len(features), ids=tuple(features.ids))
        Exports(files=tuple(files), calibration=calibration).write(folder)
        for file_name, told in description.items():
            write_json(folder / file_name, told.model_dump())
        if opened.vocab_file is not None:
            shutil.copyfile(opened.vocab_file, folder / "vocab.txt")


def _cut_at(longest: int, told: Config) -> Config:
    """The description of a model whose texts are cut at `longest` tokens, as its files need.

    Of a question at most half of these are read, so that room is left for its context.
    """
    if not isinstance(told, ModelSpec) or longest == told.inputs.max_seq_length:
        return told
    max_query_length = min(told.inputs.max_query_length, max(longest // 2, 1))
    changes = {"max_seq_length": longest, "max_query_length": max_query_length}
    where = f"convert: texts of {longest} tokens"
    inputs = InputSpec.parse(told.inputs.model_dump() | changes, where=where)
    return told.model_copy(update={"inputs": inputs})


def _texts(source: str, scratch: Path) -> dict[str, Item]:
    """The texts, or pairs, of a file of JSON lines by id; DataError if there are none."""
    file = fetch(source, scratch / "texts")
    with naming(source, file):
        texts = dict(read_items(file, KINDS["labelled_text"]))
    if not texts:
        raise DataError(f"{source}: no texts to take ranges from; give some hundred lines")
    return texts


def _encoded(texts: Mapping[str, Item], tokenizer: Tokenizer, max_seq_length: int) -> FeatureSet:
    """Texts or pairs as token ids."""
    inputs = InputSpec(max_seq_length=max_seq_length)
    records = KINDS["labelled_text"].encode_items(tokenizer, list(texts.values()), inputs)
    return FeatureSet.of(
        Record(identifier, record.columns)
        for identifier, record in zip(texts, records, strict=True)
    )
