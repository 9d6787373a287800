"""The forms of a model that was trained to be quantized."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from bertline.export.exporter import Exporter
from bertline.export.graph import Graph, Shape
from bertline.export.listing import ExportedFile, Format
from bertline.export.openvino import Sample, read_saved_model, write_ir
from bertline.export.quantized import FLOAT_SITES, QuantizedModel, with_int8_weights, write_litert
from bertline.export.saved_model import export_saved_model
from bertline.export.text_input import TextInput


class QuantizedExporter(Exporter):
    """Exports a model whose int8 forms have ranges of their own; others are as in `Exporter`.

    litert_length: the length in tokens of LiteRT files with these ranges, which is fixed.
    float_sites: patterns of the sites that stay float in litert_int8_mixed, beside FLOAT_SITES.
    """

    def __init__(
        self,
        graph: Graph,
        samples: Sequence[Sample],
        scratch: Path,
        *,
        text_input: TextInput | None = None,
        model: QuantizedModel,
        litert_length: int,
        float_sites: Collection[str],
    ) -> None:
        super().__init__(graph, samples, scratch, text_input=text_input)
        self._model, self._litert_length = model, litert_length
        self._float: dict[tuple[str, str], Collection[str]] = {
            ("litert", "integer"): (),
            ("litert", "int8"): FLOAT_SITES,
            ("litert", "int8_mixed"): (*FLOAT_SITES, *float_sites),
        }

    def export(self, name: str, folder: Path) -> ExportedFile:
        """See `Exporter.export`; outputs of an integer file are int8, with scale and zero point."""
        file = super().export(name, folder)
        if file.precision != "integer":
            return file
        outputs = tuple(each.model_copy(update={"dtype": "int8"}) for each in file.outputs)
        return file.model_copy(update={"outputs": outputs})

    def _write(self, form: Format, path: Path) -> None:
        kind = form.runtime, form.precision
        if kind in self._float:
            graph = self._model.litert_graph(self._float[kind])
            scratch = self._scratch / form.precision
            integer = form.precision == "integer"
            write_litert(graph, scratch, self._shape_of(form), path, integer)
        elif kind == ("openvino", "int8"):
            write_ir(self._quantized_openvino(), path)
        else:
            super()._write(form, path)

    def _shape_of(self, form: Format) -> Shape:
        batch, length = super()._shape_of(form)
        fixed = (form.runtime, form.precision) in self._float
        return (batch, self._litert_length if fixed else length)

    def _quantized_openvino(self) -> Any:
        graph = self._model.openvino_graph()
        saved_model = self._scratch / "quantized_saved_model"
        export_saved_model(graph, saved_model)
        return with_int8_weights(read_saved_model(saved_model, graph))
