"""export: Model → files for the runtimes, each with what it needs to be used."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from bertline.artifacts import new_artifact, read_manifest, write_json
from bertline.config import Config, nearest
from bertline.export.listing import FILE_NAME, FORMATS, Calibration, Exports
from bertline.progress import Progress


class Settings(Config):
    """formats: names of FORMATS, what to write.

    calibration_examples: how many training examples the ranges of INT8 come from; seed: of their
    choice.
    """

    formats: Annotated[tuple[str, ...], Field(min_length=1)] = tuple(FORMATS)
    calibration_examples: Annotated[int, Field(gt=0)] = 300
    seed: int = 1

    @field_validator("formats")
    @classmethod
    def _known(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        for name in formats:
            if name not in FORMATS:
                raise ValueError(f"unknown format {name!r}; {nearest(name, list(FORMATS))}")
        return formats


def run(settings: Settings, *, model: Path, features: Path, exported: Path) -> None:
    """Writes the artifact `exported`: model.json, vocab.txt, exports.json and the files.

    Raises StageError if a conversion fails.
    """
    import numpy as np

    from bertline.export.exporter import Exporter
    from bertline.features.records import read_features

    weights_sha256 = read_manifest(model, "model").about["weights_sha256"]
    train = read_features(features, "train")
    count = min(settings.calibration_examples, len(train))
    rows = np.random.default_rng(settings.seed).choice(len(train), count, replace=False).tolist()
    with (
        new_artifact(exported, "exported", {"model_weights_sha256": weights_sha256}) as folder,
        tempfile.TemporaryDirectory(prefix="bertline-export-") as scratch,
        Progress("export", len(settings.formats), "files") as progress,
    ):
        exporter = Exporter(model, train, rows, Path(scratch))
        files = []
        for name in settings.formats:
            files.append(exporter.export(name, folder))
            progress.update(note=f"{name} {files[-1].size_bytes / 1e6:.1f} MB")
        calibration = Calibration(count=count, ids=tuple(train.ids[row] for row in rows))
        exports = Exports(files=tuple(files), calibration=calibration)
        write_json(folder / FILE_NAME, exports.model_dump())
        for name in ("model.json", "vocab.txt"):
            shutil.copyfile(model / name, folder / name)
