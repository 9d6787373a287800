"""OpenVINO models that take strings: our tokenizer as a graph in front of the model.

The operations are those of the package openvino-tokenizers. What they know of characters is asked
of our own tokenizer, character by character, so that both agree. They hold no state: a text longer
than max_seq_length is always cut.
"""

import ctypes
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset15 as opset
from openvino.utils.node_factory import NodeFactory

from bertline.errors import ConfigError
from bertline.export.charsmap import charsmap
from bertline.features.characters import Characters, regex_class
from bertline.features.tokenizer import MAX_CHARS_PER_WORD, UNK, Tokenizer

PACKAGE = "openvino_tokenizers"
INPUT = "text"
# In no text, since normalization deletes private use, and in no vocabulary.
UNKNOWN_WORD = "\ue000"
MAX_BYTES_PER_CHAR = 4

Ports = list[Any]


@dataclass(frozen=True)
class TextInput:
    """What turns texts into the inputs of a model.

    max_seq_length: tokens kept, [CLS] and [SEP] included. fed_by: see Graph.fed_by.
    """

    tokenizer: Tokenizer
    max_seq_length: int
    fed_by: Mapping[str, str]


def extension() -> Path:
    """The library of the operations; raises ConfigError if openvino-tokenizers is missing."""
    # Found and not imported: importing it changes the class openvino.Core of the whole process.
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.origin:
        release = ov.__version__.partition("-")[0]
        raise ConfigError(
            "a tokenizer inside the model needs the package openvino-tokenizers; "
            f"pip install openvino-tokenizers=={release}.*"
        )
    library = Path(found.origin).parent / "lib" / f"lib{PACKAGE}.so"
    # Stays loaded: graphs are destroyed by its code, whenever that happens.
    ctypes.CDLL(str(library))
    return library


def write_text_ir(
    source: Path, target: Path, text_input: TextInput, length: int | None = None
) -> None:
    """Writes `target`.xml and .bin: the IR file `source` with one input `text`, string [batch].

    length: that of the ids, where the model's is fixed; else they are as long as the longest text
    of the batch. A Core runs the file after add_extension(extension()).
    """
    core = ov.Core()
    core.add_extension(str(extension()))
    # Read again, since connecting changes the model; weights stay as they were stored.
    model = core.read_model(source)
    texts = opset.parameter(model.inputs[0].partial_shape[:1], ov.Type.string)
    texts.output(0).tensor.set_names({INPUT})
    made = tokenizer_graph(texts, text_input, length)
    for parameter in model.get_parameters():
        (name,) = parameter.output(0).names & text_input.fed_by.keys()
        ids = made[text_input.fed_by[name]]
        if parameter.element_type != ov.Type.i32:
            ids = opset.convert(ids, parameter.element_type).output(0)
        parameter.output(0).replace(ids)
    joined = ov.Model(model.get_results(), [texts], "text_model")
    ov.save_model(joined, target, compress_to_fp16=False)


def tokenizer_graph(texts: Any, text_input: TextInput, length: int | None) -> dict[str, Any]:
    """Each of MODEL_INPUTS → int32 [batch, length] of `texts`, string [batch]."""
    tokenizer = text_input.tokenizer
    factory = NodeFactory()
    factory.add_extension(str(extension()))

    def add(operation: str, *inputs: Ports, **attributes: Any) -> Ports:
        ports = [port for group in inputs for port in group]
        outputs: Ports = factory.create(operation, ports, attributes).outputs()
        return outputs

    def replace(x: Ports, pattern: str, by: str) -> Ports:
        return add("RegexNormalization", x, _text(pattern), _text(by), global_replace=True)

    characters = Characters.of(tokenizer)
    punctuation = regex_class(characters.punctuation)
    apart = regex_class(characters.isolated) + punctuation
    # Strings are passed on as begins, ends and bytes; rows of strings with begins and ends before.
    x = opset.string_tensor_unpack(texts).outputs()
    x = replace(x, f"[{regex_class(characters.deleted)}]", "")
    x = add(
        "CharsMapNormalization",
        x,
        _constant(charsmap(characters.replaced)),
        normalization_form="",
        remove_extra_whitespaces=False,
    )
    x = replace(x, f"([{apart}])", " $1 ")
    x = replace(x, rf"\S{{{MAX_CHARS_PER_WORD + 1},}}", UNKNOWN_WORD)
    rows = opset.gather(opset.shape_of(texts, "i32"), _scalar(0), _scalar(0))
    begins = opset.range(_scalar(0), rows, _scalar(1), "i32")
    ends = opset.add(begins, _scalar(1))
    # RegexSplit loses rows where there is not a single byte: one that belongs to no string.
    data = opset.concat([x[2], *_text(" ")], 0)
    x = [*begins.outputs(), *ends.outputs(), *x[:2], *data.outputs()]
    x = add("RegexSplit", x, _text(r"\s+"), behaviour="remove", invert=False, max_splits=-1)
    begins, ends, ids = add(
        "WordpieceTokenizer",
        x[:5],
        _strings(list(tokenizer.vocabulary)),
        _scalar(tokenizer.vocabulary[UNK]).outputs(),
        suffix_indicator="##",
        max_bytes_per_word=MAX_CHARS_PER_WORD * MAX_BYTES_PER_CHAR,
    )
    kept = opset.minimum(ends, opset.add(begins, _scalar(text_input.max_seq_length - 2)))
    zero, one = _scalar(0).outputs(), _scalar(1).outputs()
    cls_id, sep_id = (
        _constant(np.array([i], np.int32)) for i in (tokenizer.cls_id, tokenizer.sep_id)
    )
    segments = _constant(np.zeros(3, np.int32))
    row = [zero, one, cls_id, [begins, kept.output(0), ids], zero, one, sep_id]
    begins, ends, ids = add("CombineSegments", *row, segments)[:3]
    longest = opset.reduce_max(opset.subtract(ends, begins), _scalar(0))
    width = longest if length is None else _scalar(length)
    dense, mask = add(
        "RaggedToDense",
        [begins, ends, ids],
        width.outputs(),
        _scalar(tokenizer.pad_id).outputs(),
        pad_right=True,
        pad_max_length=length is not None,
    )
    input_mask = opset.convert(mask, "i32").output(0)
    segment_ids = opset.subtract(input_mask, input_mask).output(0)
    return {"input_ids": dense, "input_mask": input_mask, "segment_ids": segment_ids}


def _scalar(value: int) -> Any:
    return opset.constant(np.int32(value))


def _constant(values: Any) -> Ports:
    outputs: Ports = opset.constant(values).outputs()
    return outputs


def _text(value: str) -> Ports:
    return _constant(np.frombuffer(value.encode(), np.uint8))


def _strings(values: list[str]) -> Ports:
    """Strings as begins, ends and bytes."""
    encoded = [value.encode() for value in values]
    ends = np.cumsum([len(value) for value in encoded]).astype(np.int32)
    begins = np.concatenate([[0], ends[:-1]]).astype(np.int32)
    joined = np.frombuffer(b"".join(encoded), np.uint8)
    return [*_constant(begins), *_constant(ends), *_constant(joined)]
