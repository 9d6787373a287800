"""The forms of a model that was trained to be quantized."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bertline.export.exporter import Exporter
from bertline.export.graph import Graph, Shape
from bertline.export.inspection import check_integer_only
from bertline.export.listing import FORMATS, INTEGER, ExportedFile, Format
from bertline.export.openvino import Sample, quantized
from bertline.export.openvino_ranges import set_ranges
from bertline.export.quantized import QuantizedModel, write_integer
from bertline.export.ranges import TensorRanges, find_ranges
from bertline.export.text_input import TextInput
from bertline.modeling.families.lookup import sites_of


class QuantizedExporter(Exporter):
    """Exports a model whose int8 forms have ranges of their own; others are as in `Exporter`.

    litert_length: the length in tokens of the integer LiteRT file, which is fixed.
    """

    def __init__(
        self,
        graph: Graph,
        samples: Sequence[Sample],
        scratch: Path,
        *,
        text_input: TextInput | None = None,
        float_sites: Sequence[str] | None = None,
        overflow_safe: bool = True,
        model: QuantizedModel,
        litert_length: int,
    ) -> None:
        super().__init__(
            graph,
            samples,
            scratch,
            text_input=text_input,
            float_sites=float_sites,
            overflow_safe=overflow_safe,
            sites=sites_of(model.spec.encoder),
        )
        self._model, self._litert_length = model, litert_length

    def export(self, name: str, folder: Path) -> ExportedFile:
        """See `Exporter.export`; outputs of an integer file are int8, with scale and zero point."""
        file = super().export(name, folder)
        if name != INTEGER:
            return file
        outputs = tuple(each.model_copy(update={"dtype": "int8"}) for each in file.outputs)
        return file.model_copy(update={"outputs": outputs})

    def _write(self, name: str, path: Path) -> None:
        if name == INTEGER:
            scratch = self._scratch / "integer"
            write_integer(self._model.graph(), scratch, self._shape_of(FORMATS[name]), path)
            check_integer_only(path)
        else:
            super()._write(name, path)

    def _quantized(self) -> Any:
        trained = partial(set_ranges, ranges=self._model.ranges, sites=self._sites)
        return quantized(self._openvino, self._samples, trained, self._overflow_safe)

    def _shape_of(self, form: Format) -> Shape:
        batch, length = super()._shape_of(form)
        return (batch, self._litert_length if form == FORMATS[INTEGER] else length)

    def _find_ranges(self, path: Path) -> TensorRanges:
        return find_ranges(path, self._samples, self._model.ranges, self._sites)
