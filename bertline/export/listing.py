"""`exports.json` of an exported folder: which files there are and what runs them."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bertline.artifacts import Document
from bertline.config import Config, nearest

FILE_NAME = "exports.json"

Runtime = Literal["openvino", "litert", "saved_model"]


@dataclass(frozen=True)
class Format:
    """A form a model can be exported to. path: relative to the exported folder."""

    runtime: Runtime
    precision: str
    path: str


INTEGER = "litert_integer"
"""The form that only a model with ranges of its own has: it was trained to be quantized."""
OPENVINO_INT8 = "openvino_int8"
FORMATS = {
    "saved_model": Format("saved_model", "float32", "saved_model"),
    "litert_float32": Format("litert", "float32", "litert_float32.tflite"),
    "litert_float16": Format("litert", "float16", "litert_float16.tflite"),
    "litert_dynamic_int8": Format("litert", "dynamic_int8", "litert_dynamic_int8.tflite"),
    "litert_int8": Format("litert", "int8", "litert_int8.tflite"),
    "litert_int8_mixed": Format("litert", "int8_mixed", "litert_int8_mixed.tflite"),
    INTEGER: Format("litert", "integer", "litert_integer.tflite"),
    "openvino_fp32": Format("openvino", "fp32", "openvino_fp32/model.xml"),
    "openvino_fp16": Format("openvino", "fp16", "openvino_fp16/model.xml"),
    OPENVINO_INT8: Format("openvino", "int8", "openvino_int8/model.xml"),
}
CALIBRATED = ("litert_int8", "litert_int8_mixed", OPENVINO_INT8)
"""The forms whose ranges are taken from texts, or from training where that found them."""
DEFAULT = tuple(
    name
    for name in FORMATS
    if name not in ("openvino_fp32", "litert_int8", "litert_int8_mixed", INTEGER)
)
"""What the stage export writes unless another file is named."""
USUAL_FORMATS = {
    "openvino": "openvino_fp16",
    "litert": "litert_float32",
    "saved_model": "saved_model",
}
"""Runtime → the form that loses nothing in its usual size."""


def check_format(name: str, known: list[str]) -> None:
    """Raises ValueError naming the nearest one if `name` is not among `known`."""
    if name not in known:
        raise ValueError(f"unknown format {name!r}; {nearest(name, known)}")


class Tensor(Config):
    """An input or output of a file. shape: None is a size that the caller chooses."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


class ExportedFile(Config):
    """One exported form of the model.

    name: what users call it ("openvino_int8"). path: of the file or folder, relative to the
    exported folder. size_bytes: of everything the form consists of. seconds: what making it took.
    text_path: of the same form with the tokenizer inside, which takes strings, if there is one.
    float_sites: of an int8 LiteRT form, the groups of sites (export.sites) that are not quantized.
    overflow_safe: of OpenVINO INT8, whether it computes the same on processors without VNNI
    (export.openvino_weights).
    """

    name: str
    runtime: Runtime
    precision: str
    path: str
    size_bytes: Annotated[int, Field(ge=0)]
    seconds: Annotated[float, Field(ge=0)]
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    text_path: str | None = None
    float_sites: tuple[str, ...] = ()
    overflow_safe: bool = False


class Calibration(Config):
    """The training examples that int8 ranges were taken from."""

    count: Annotated[int, Field(ge=0)] = 0
    ids: tuple[str, ...] = ()


class Exports(Document):
    """The content of `exports.json`."""

    file_name: ClassVar[str] = FILE_NAME
    files: tuple[ExportedFile, ...]
    calibration: Calibration = Calibration()
