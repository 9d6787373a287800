"""All the forms of one model, sharing the steps that several of them need."""

import functools
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf
from tensorflow.lite.python.convert import ConverterError

from bertline.artifacts import files_of
from bertline.errors import StageError
from bertline.export.listing import FORMATS, ExportedFile, Format
from bertline.export.litert import LiteRtExporter
from bertline.export.openvino import export_fp16, export_int8, read_saved_model
from bertline.export.saved_model import export_saved_model, load_network
from bertline.features.batches import FeatureSet


class Exporter:
    """Exports the network of a model folder.

    features, rows: the calibration examples. scratch: a folder for intermediate graphs, a few times
    the size of the weights. Raises CheckpointError if the folder's weights are not its spec's.
    """

    def __init__(
        self, model: Path, features: FeatureSet, rows: Sequence[int], scratch: Path
    ) -> None:
        self._network = load_network(model)
        self._features, self._rows, self._scratch = features, rows, scratch

    def export(self, name: str, folder: Path) -> ExportedFile:
        """Writes the form `name` of FORMATS into `folder`; raises StageError if that fails."""
        start = time.monotonic()
        form = FORMATS[name]
        path = folder / form.path
        path.parent.mkdir(exist_ok=True)
        try:
            self._write(form, path)
        except (ConverterError, RuntimeError, shutil.Error, tf.errors.OpError) as error:
            message = f"{name}: export failed ({_reason(error)}); is the disk full?"
            raise StageError(message) from error
        whole = path if path.parent == folder else path.parent
        files = [whole] if whole.is_file() else files_of(whole)
        return ExportedFile(
            name=name,
            runtime=form.runtime,
            precision=form.precision,
            path=form.path,
            size_bytes=sum(file.stat().st_size for file in files),
            seconds=time.monotonic() - start,
        )

    def _write(self, form: Format, path: Path) -> None:
        if form.runtime == "saved_model":
            shutil.copytree(self._saved_model, path)
        elif form.runtime == "litert":
            self._litert.export(form.precision, path)
        elif form.precision == "fp16":
            export_fp16(self._openvino, path)
        else:
            export_int8(self._openvino, path, self._features, self._rows)

    @functools.cached_property
    def _saved_model(self) -> Path:
        path = self._scratch / "saved_model"
        export_saved_model(self._network, path)
        return path

    @functools.cached_property
    def _litert(self) -> LiteRtExporter:
        return LiteRtExporter(self._network, self._scratch)

    @functools.cached_property
    def _openvino(self) -> object:
        return read_saved_model(self._saved_model, list(self._network.output))


def _reason(error: Exception) -> str:
    """The first line of the message, without the node of TensorFlow's graph that it begins with."""
    if isinstance(error, shutil.Error):
        # copytree gathers (source, target, reason) of all that it could not copy.
        return str(error.args[0][0][2])
    return str(error).strip().splitlines()[0].rpartition("}} ")[2]
