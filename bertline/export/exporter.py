"""All the forms of one graph, sharing the steps that several of them need."""

import functools
import shutil
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.lite.python.convert import ConverterError

from bertline.artifacts import files_of
from bertline.errors import StageError
from bertline.export.folding import Scales
from bertline.export.graph import OPEN, Graph, Shape
from bertline.export.listing import (
    FORMATS,
    OPENVINO_INT8,
    ExportedFile,
    Format,
    Tensor,
)
from bertline.export.litert import LiteRtExporter
from bertline.export.litert_int8 import write_int8
from bertline.export.openvino import Sample, quantized, read_saved_model, write_ir
from bertline.export.outliers import channel_peaks, folding_scales
from bertline.export.ranges import TensorRanges, measure_ranges
from bertline.export.saved_model import export_saved_model
from bertline.export.text_input import TextInput, write_text_ir
from bertline.modeling.families.lookup import sites_of
from bertline.modeling.site_table import SiteTable

Fold = Callable[[Scales], Graph]
"""Gives the graph whose outliers are folded."""
PEAK_SAMPLES = 64
"""In which outliers are looked for: they stand in every text."""


class Exporter:
    """Exports a graph.

    samples: inputs that int8 ranges are taken from. scratch: a folder for intermediate graphs, a
    few times the size of the weights. shape: fixes batch and length; open, LiteRT files have
    batch 1 and all others any. text_input: the tokenizer that OpenVINO forms also get inside.
    float_sites: groups of sites of litert_int8_mixed that stay float beside litert_int8's, by
    default those with outliers. fold: for LiteRT forms with int8 activations. overflow_safe: of
    OpenVINO INT8. sites: of the encoder's family, by default of the one that graphs of unknown
    origin are taken for.
    """

    def __init__(
        self,
        graph: Graph,
        samples: Sequence[Sample],
        scratch: Path,
        shape: Shape = OPEN,
        text_input: TextInput | None = None,
        float_sites: Collection[str] | None = None,
        fold: Fold | None = None,
        overflow_safe: bool = True,
        sites: SiteTable | None = None,
    ) -> None:
        self._graph, self._samples, self._scratch = graph, samples, scratch
        self._shape, self._text_input, self._fold = shape, text_input, fold
        self._overflow_safe = overflow_safe
        self._tensors = functools.cache(functools.partial(_tensors, graph))
        self._sites = sites_of(None) if sites is None else sites
        always, chosen = self._sites.float_kinds, float_sites
        mixed = (*always, *(self._sites.outlier_kinds if chosen is None else chosen))
        self._float_sites = {
            "litert_int8": always,
            "litert_int8_mixed": tuple(dict.fromkeys(mixed)),
        }

    def export(self, name: str, folder: Path) -> ExportedFile:
        """Writes the form `name` of FORMATS into `folder`; raises StageError if that fails."""
        start = time.monotonic()
        form = FORMATS[name]
        path = folder / form.path
        path.parent.mkdir(exist_ok=True)
        try:
            self._write(name, path)
            whole = path if path.parent == folder else path.parent
            files = [whole] if whole.is_file() else files_of(whole)
            size_bytes = sum(file.stat().st_size for file in files)
            text_path = self._write_text_form(form, path)
        except (ConverterError, RuntimeError, shutil.Error, tf.errors.OpError) as error:
            message = f"{name}: export failed ({_reason(error)}); is the disk full?"
            raise StageError(message) from error
        inputs, outputs = self._tensors(self._shape_of(form))
        return ExportedFile(
            name=name,
            runtime=form.runtime,
            precision=form.precision,
            path=form.path,
            size_bytes=size_bytes,
            seconds=time.monotonic() - start,
            inputs=inputs,
            outputs=outputs,
            text_path=str(text_path.relative_to(folder)) if text_path else None,
            float_sites=self._float_sites.get(name, ()),
            overflow_safe=name == OPENVINO_INT8 and self._overflow_safe,
        )

    def _write(self, name: str, path: Path) -> None:
        form = FORMATS[name]
        if name in self._float_sites:
            floats = self._float_sites[name]
            write_int8(self.int8_source, path, self._ranges, floats, self._sites)
        elif name == "litert_float32":
            shutil.copyfile(self._litert_float32, path)
        elif form.runtime == "litert":
            self._litert.export(form.precision, path)
        elif form.runtime == "openvino":
            model = self._quantized() if name == OPENVINO_INT8 else self._openvino
            write_ir(model, path, fp16=form.precision != "fp32", shape=self._shape)
        elif self._shape == OPEN:
            shutil.copytree(self._saved_model, path)
        else:
            export_saved_model(self._graph, path, self._shape)

    def _quantized(self) -> Any:
        return quantized(self._openvino, self._samples, overflow_safe=self._overflow_safe)

    def _write_text_form(self, form: Format, path: Path) -> Path | None:
        if self._text_input is None or form.runtime != "openvino":
            return None
        text_path = path.parent.with_name(f"{path.parent.name}_text") / path.name
        text_path.parent.mkdir()
        write_text_ir(path, text_path, self._text_input, length=self._shape[1])
        return text_path

    def _shape_of(self, form: Format) -> Shape:
        batch, length = self._shape
        return (1 if form.runtime == "litert" and batch is None else batch, length)

    @functools.cached_property
    def _saved_model(self) -> Path:
        path = self._scratch / "saved_model"
        export_saved_model(self._graph, path)
        return path

    @functools.cached_property
    def _litert(self) -> LiteRtExporter:
        batch, length = self._shape
        return LiteRtExporter(self._graph, self._scratch, (batch or 1, length))

    @functools.cached_property
    def _litert_float32(self) -> Path:
        path = self._scratch / "float32.tflite"
        self._litert.export("float32", path)
        return path

    @functools.cached_property
    def int8_source(self) -> Path:
        """The float file that LiteRT forms with int8 activations are made of."""
        if self._fold is None:
            return self._litert_float32
        some = self._samples[:PEAK_SAMPLES]
        peaks = channel_peaks(self._litert_float32, some, self._sites)
        scales = folding_scales(peaks, self._sites.branches)
        if not scales:
            return self._litert_float32
        path, scratch = self._scratch / "folded.tflite", self._scratch / "folded"
        scratch.mkdir()
        batch, length = self._shape
        exporter = LiteRtExporter(self._fold(scales), scratch, (batch or 1, length))
        exporter.export("float32", path)
        return path

    @functools.cached_property
    def _ranges(self) -> TensorRanges:
        return self._find_ranges(self.int8_source)

    def _find_ranges(self, path: Path) -> TensorRanges:
        return measure_ranges(path, self._samples)

    @functools.cached_property
    def _openvino(self) -> Any:
        return read_saved_model(self._saved_model, self._graph)


def _tensors(graph: Graph, shape: Shape) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The inputs and the outputs of the graph at this shape, as the listing names them."""
    function = graph.serving_function(shape).get_concrete_function()

    def tensor(name: str, value: Any) -> Tensor:
        return Tensor(name=name, dtype=value.dtype.name, shape=tuple(value.shape.as_list()))

    taken = function.inputs[: len(graph.inputs)]  # variables come after
    outputs = function.structured_outputs
    return (
        tuple(map(tensor, graph.inputs, taken)),
        tuple(tensor(name, outputs[name]) for name in graph.outputs),
    )


def _reason(error: Exception) -> str:
    """The first line of the message, without the node of TensorFlow's graph that it begins with."""
    if isinstance(error, shutil.Error):
        # copytree gathers (source, target, reason) of all that it could not copy.
        return str(error.args[0][0][2])
    return str(error).strip().splitlines()[0].rpartition("}} ")[2]
