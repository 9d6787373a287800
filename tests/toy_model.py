"""A toy model whose answers can be worked out by hand, as a file of every runtime.

A token adds TABLES["intent"][id] to the intents of its text and has TABLES["tag"][id] as its own
tag logits; padding would speak for "RateBook" if the mask were not obeyed.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertline.artifacts import write_json, write_text
from bertline.export.listing import FILE_NAME, ExportedFile, Exports
from bertline.features.batches import MODEL_INPUTS
from bertline.features.spec import InputSpec
from bertline.modeling.config import ModelSpec
from bertline.modeling.families.bert.config import BertConfig

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS = ["play", "rate", "some", "jazz", "by", "miles", "davis", "##ly", "!"]
VOCABULARY = [*SPECIAL, *WORDS]
INTENTS = ["PlayMusic", "RateBook"]
TAGS = ["O", "B-artist", "I-artist", "B-genre", "I-genre"]
MAX_SEQ_LENGTH = 20


def _table(classes: list[str], logits: dict[str, tuple[str, float]]) -> NDArray[np.float32]:
    table = np.zeros((len(VOCABULARY), len(classes)), np.float32)
    for token, (name, logit) in logits.items():
        table[VOCABULARY.index(token), classes.index(name)] = logit
    return table


TABLES = {
    "intent": _table(
        INTENTS, {"play": ("PlayMusic", 2), "rate": ("RateBook", 3), "[PAD]": ("RateBook", 64)}
    ),
    "tag": _table(
        TAGS, {"jazz": ("B-genre", 4), "miles": ("B-artist", 4), "davis": ("I-artist", 4)}
    ),
}


def write_toy_spec(folder: Path) -> None:
    """Writes model.json and vocab.txt of the toy."""
    encoder = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=4,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=4,
    )
    spec = ModelSpec(
        task="snips",
        head="intent_slots",
        encoder=encoder,
        labels={"intents": INTENTS, "tags": TAGS},
        inputs=InputSpec(max_seq_length=MAX_SEQ_LENGTH),
    )
    write_json(folder / "model.json", spec.model_dump())
    write_text(folder / "vocab.txt", "\n".join(VOCABULARY) + "\n")


def write_toy_folder(folder: Path, shape: tuple[int | None, int | None] = (None, None)) -> None:
    """Fills an exported folder: openvino_int8, litert_dynamic_int8 and saved_model of the toy.

    shape: batch and length that the files are made for.
    """
    write_toy_spec(folder)
    save_openvino(folder / "openvino_int8/model.xml", shape=shape)
    save_tensorflow(folder / "saved_model", folder / "litert_dynamic_int8.tflite", shape)
    paths = {
        "saved_model": "saved_model",
        "litert": "litert_dynamic_int8.tflite",
        "openvino": "openvino_int8/model.xml",
    }
    files = [
        {
            "name": Path(path).parts[0].removesuffix(".tflite"),
            "runtime": runtime,
            "precision": "float32",
            "path": path,
            "size_bytes": 1,
            "seconds": 0.5,
        }
        for runtime, path in paths.items()
    ]
    exports = Exports(files=tuple(ExportedFile.parse(file, "toy") for file in files))
    write_json(folder / FILE_NAME, exports.model_dump())


def save_openvino(
    path: Path,
    output_names: tuple[str, str] = ("intent_logits", "slot_logits"),
    shape: tuple[int | None, int | None] = (None, None),
) -> None:
    """Writes the toy model as an IR file that, like pruned ones, has no segment_ids."""
    import openvino
    from openvino import opset13 as opset

    sizes = [size or -1 for size in shape]
    ids = opset.parameter(sizes, openvino.Type.i32)
    mask = opset.parameter(sizes, openvino.Type.i32)
    for parameter, name in ((ids, "input_ids"), (mask, "input_mask")):
        parameter.output(0).tensor.set_names({name})
    weights = opset.unsqueeze(opset.convert(mask, "f32"), 2)
    looked_up = opset.gather(opset.constant(TABLES["intent"]), ids, 0)
    intent = opset.reduce_sum(opset.multiply(looked_up, weights), 1)
    slot = opset.gather(opset.constant(TABLES["tag"]), ids, 0)
    for result, name in zip((intent, slot), output_names, strict=True):
        result.output(0).tensor.set_names({name})
    model = openvino.Model([slot, intent], [mask, ids])
    path.parent.mkdir(parents=True, exist_ok=True)
    openvino.save_model(model, path, compress_to_fp16=False)


def save_tensorflow(
    saved_model: Path, tflite: Path, shape: tuple[int | None, int | None] = (None, None)
) -> None:
    """Writes the toy model as a SavedModel and as a TFLite file, with batch 1 if not another."""
    import tensorflow as tf

    class Toy(tf.Module):  # type: ignore[misc]
        @tf.function  # type: ignore[untyped-decorator]
        def logits(
            self, input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor
        ) -> dict[str, tf.Tensor]:
            weights = tf.expand_dims(tf.cast(input_mask, tf.float32), 2)
            segment = tf.expand_dims(tf.cast(segment_ids, tf.float32), 2)
            looked_up = tf.gather(TABLES["intent"], input_ids)
            return {
                "intent_logits": tf.reduce_sum(looked_up * weights, axis=1),
                "slot_logits": tf.gather(TABLES["tag"], input_ids) + segment,
            }

    def save(path: Path, batch: int | None) -> None:
        toy = Toy()
        inputs = [tf.TensorSpec([batch, shape[1]], tf.int32, name) for name in MODEL_INPUTS]
        signature = toy.logits.get_concrete_function(*inputs)
        tf.saved_model.save(toy, str(path), signatures={"serving_default": signature})

    save(saved_model, batch=shape[0])
    one_row = tflite.with_suffix(".saved_model")
    save(one_row, batch=shape[0] or 1)
    tflite.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(one_row)).convert())
