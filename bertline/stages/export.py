"""export: Model → files for the runtimes, each with what it needs to be used."""

import shutil
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from bertline.artifacts import new_artifact, read_manifest
from bertline.config import Config, Seed
from bertline.errors import ConfigError
from bertline.export.listing import (
    DEFAULT,
    FORMATS,
    INTEGER,
    Calibration,
    Exports,
    check_format,
)
from bertline.features.spec import AnswerSpec
from bertline.features.tokenizer import Tokenizer
from bertline.leftovers import temporary_folder
from bertline.modeling.config import ModelSpec
from bertline.progress import Progress


class Settings(Config):
    """formats: names of FORMATS, what to write.

    calibration_examples: how many training examples the ranges of INT8 come from; seed: of their
    choice. litert_length: the length in tokens that integer LiteRT files of a quantized model take,
    by default the longest that it reads. float_sites: what stays float in litert_int8_mixed, kinds
    of sites ("output_sum") or single ones ("layer_3/output_sum"), as `bertline quantize` finds
    them; by default the kinds that the encoder's family has outliers in. fold_outliers: for LiteRT
    forms with int8 activations whose ranges are measured. overflow_safe: OpenVINO INT8
    computes the same on processors without VNNI. tokenizer_inside: each OpenVINO form also as one
    that takes strings. n_best_size, max_answer_length, null_threshold: how questions are answered
    (AnswerSpec); "tuned": the threshold of best F1 on the dev split.
    """

    formats: Annotated[tuple[str, ...], Field(min_length=1)] = DEFAULT
    tokenizer_inside: bool = False
    litert_length: Annotated[int, Field(gt=2)] | None = None
    calibration_examples: Annotated[int, Field(gt=0)] = 300
    float_sites: tuple[str, ...] | None = None
    fold_outliers: bool = True
    overflow_safe: bool = True
    seed: Seed = 1
    n_best_size: Annotated[int, Field(gt=0)] = 20
    max_answer_length: Annotated[int, Field(gt=0)] = 30
    null_threshold: float | Literal["tuned"] | None = None

    @field_validator("formats")
    @classmethod
    def _known(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        for name in formats:
            check_format(name, list(FORMATS))
        return formats


def run(settings: Settings, *, model: Path, features: Path, examples: Path, exported: Path) -> None:
    """Writes the artifact `exported`: model.json, vocab.txt, exports.json and the files.

    Raises StageError if a conversion fails, ConfigError if the tokenizer's package is missing.
    """
    from bertline.export.calibration import chosen_rows, samples_of
    from bertline.export.exporter import Exporter
    from bertline.export.quantized_exporter import QuantizedExporter
    from bertline.export.source import open_source
    from bertline.features.records import read_features

    spec = _with_answering(ModelSpec.read(model), settings, model, features, examples)
    source = open_source(model)
    if source.quantized is None and INTEGER in settings.formats:
        raise ConfigError(f"{INTEGER}: {model} has no ranges; add the stage quantize")
    text_input = source.text_input() if settings.tokenizer_inside else None
    weights_sha256 = read_manifest(model, "model").about["weights_sha256"]
    train = read_features(features, "train")
    rows = chosen_rows(len(train), settings.calibration_examples, settings.seed)
    with (
        new_artifact(exported, "exported", {"model_weights_sha256": weights_sha256}) as folder,
        temporary_folder() as scratch,
        Progress("export", len(settings.formats), "files") as progress,
    ):
        samples = samples_of(source.graph, train, rows)
        parts = (source.graph, samples, scratch)
        if source.quantized is None:
            exporter = Exporter(
                *parts,
                text_input=text_input,
                float_sites=settings.float_sites,
                overflow_safe=settings.overflow_safe,
                fold=source.fold if settings.fold_outliers else None,
                sites=source.sites,
            )
        else:
            exporter = QuantizedExporter(
                *parts,
                text_input=text_input,
                float_sites=settings.float_sites,
                overflow_safe=settings.overflow_safe,
                model=source.quantized,
                litert_length=settings.litert_length or source.max_seq_length,
            )
        files = []
        for name in settings.formats:
            files.append(exporter.export(name, folder))
            progress.update(note=f"{name} {files[-1].size_bytes / 1e6:.1f} MB")
        calibration = Calibration(count=len(rows), ids=tuple(train.ids[row] for row in rows))
        Exports(files=tuple(files), calibration=calibration).write(folder)
        shutil.copyfile(model / "vocab.txt", folder / "vocab.txt")
        spec.write(folder)


def _with_answering(
    spec: ModelSpec, settings: Settings, model: Path, features: Path, examples: Path
) -> ModelSpec:
    """`spec` with what the settings say of answers to questions."""
    answering = AnswerSpec(
        n_best_size=settings.n_best_size, max_answer_length=settings.max_answer_length
    )
    threshold = settings.null_threshold
    if threshold == "tuned":
        threshold = _tuned_threshold(spec, answering, model, features, examples)
    answering = answering.model_copy(update={"null_threshold": threshold})
    return spec.model_copy(update={"answering": answering})


def _tuned_threshold(
    spec: ModelSpec, answering: AnswerSpec, model: Path, features: Path, examples: Path
) -> float:
    from bertline.evaluation.material import Split
    from bertline.evaluation.null_threshold import tuned_null_threshold
    from bertline.evaluation.predictors.keras import KerasPredictor
    from bertline.features.answers import Meanings

    if spec.head != "answer_span":
        raise ConfigError(
            f"null_threshold = 'tuned': the model's task is {spec.task}; leave it out"
        )
    dev = Split.read(examples, features, "dev")
    tokenizer = Tokenizer.from_vocab(model / "vocab.txt", spec.encoder)
    meanings = Meanings(tokenizer, spec.labels, answering)
    with Progress("tune the null threshold", len(dev.features), "windows") as progress:
        threshold = tuned_null_threshold(KerasPredictor(model), dev, meanings, progress.update)
    print(f"null threshold {threshold:.3f}, tuned on {len(dev.examples)} dev questions")
    return threshold
