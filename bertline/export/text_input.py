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
    operations = _Operations()
    words = _words(operations, texts, Characters.of(text_input.tokenizer.spec))
    ids = _ids(operations, words, text_input)
    begins, ends, _ = ids
    longest = opset.reduce_max(opset.subtract(ends, begins), _scalar(0))
    dense, mask = operations.add(
        "RaggedToDense",
        ids,
        [longest.output(0)] if length is None else _port(_scalar(length)),
        _port(_scalar(text_input.tokenizer.pad_id)),
        pad_right=True,
        pad_max_length=length is not None,
    )
    input_mask = opset.convert(mask, "i32").output(0)
    segment_ids = opset.subtract(input_mask, input_mask).output(0)
    return {"input_ids": dense, "input_mask": input_mask, "segment_ids": segment_ids}


class _Operations:
    """Makes nodes of openvino-tokenizers.

    Strings are passed on as begins, ends and bytes; rows of strings, and of ids, with begins and
    ends of the rows before.
    """

    def __init__(self) -> None:
        self._factory = NodeFactory()
        self._factory.add_extension(str(extension()))

    def add(self, kind: str, *inputs: Ports, **attributes: Any) -> Ports:
        """The outputs of a new node."""
        ports = [port for group in inputs for port in group]
        outputs: Ports = self._factory.create(kind, ports, attributes).outputs()
        return outputs

    def replace(self, strings: Ports, pattern: str, by: str) -> Ports:
        """The strings with every match of a PCRE pattern replaced."""
        texts = _text(pattern), _text(by)
        return self.add("RegexNormalization", strings, *texts, global_replace=True)


def _words(operations: _Operations, texts: Any, characters: Characters) -> Ports:
    """Rows of words, normalized: what WordPiece gets."""
    x = opset.string_tensor_unpack(texts).outputs()
    x = operations.replace(x, f"[{regex_class(characters.deleted)}]", "")
    x = operations.add(
        "CharsMapNormalization",
        x,
        _port(opset.constant(charsmap(characters.replaced))),
        normalization_form="",
        remove_extra_whitespaces=False,
    )
    apart = regex_class(characters.isolated) + regex_class(characters.punctuation)
    x = operations.replace(x, f"([{apart}])", " $1 ")
    begins, ends, data = operations.replace(x, rf"\S{{{MAX_CHARS_PER_WORD + 1},}}", UNKNOWN_WORD)
    # RegexSplit loses rows where there is not a single byte: one that belongs to no string.
    data = opset.concat([data, *_text(" ")], 0).output(0)
    count = opset.gather(opset.shape_of(texts, "i32"), _scalar(0), _scalar(0))
    first = opset.range(_scalar(0), count, _scalar(1), "i32")
    rows = [first.output(0), opset.add(first, _scalar(1)).output(0), begins, ends, data]
    spaces = _text(r"\s+")
    kept = {"behaviour": "remove", "invert": False, "max_splits": -1}
    return operations.add("RegexSplit", rows, spaces, **kept)[: len(rows)]


def _ids(operations: _Operations, words: Ports, text_input: TextInput) -> Ports:
    """Rows of ids, cut, [CLS] before and [SEP] after them: begins, ends, ids."""
    tokenizer = text_input.tokenizer
    begins, ends, ids = operations.add(
        "WordpieceTokenizer",
        words,
        _strings(list(tokenizer.vocabulary)),
        _port(_scalar(tokenizer.vocabulary[UNK])),
        suffix_indicator="##",
        max_bytes_per_word=MAX_CHARS_PER_WORD * MAX_BYTES_PER_CHAR,
    )
    room = opset.add(begins, _scalar(text_input.max_seq_length - 2))
    kept = [begins, opset.minimum(ends, room).output(0), ids]
    segments = _port(opset.constant(np.zeros(3, np.int32)))
    row = _one_id(tokenizer.cls_id), kept, _one_id(tokenizer.sep_id)
    return operations.add("CombineSegments", *row, segments)[:3]


def _one_id(value: int) -> Ports:
    """One id, for every row."""
    ids = opset.constant(np.array([value], np.int32))
    return [*_port(_scalar(0)), *_port(_scalar(1)), *_port(ids)]


def _scalar(value: int) -> Any:
    return opset.constant(np.int32(value))


def _port(node: Any) -> Ports:
    outputs: Ports = node.outputs()
    return outputs


def _text(value: str) -> Ports:
    return _port(opset.constant(np.frombuffer(value.encode(), np.uint8)))


def _strings(values: list[str]) -> Ports:
    encoded = [value.encode() for value in values]
    ends = np.cumsum([len(value) for value in encoded]).astype(np.int32)
    begins = np.concatenate([[0], ends[:-1]]).astype(np.int32)
    data = np.frombuffer(b"".join(encoded), np.uint8)
    return [port for part in (begins, ends, data) for port in _port(opset.constant(part))]
