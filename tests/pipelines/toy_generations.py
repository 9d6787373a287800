"""An encoder and data of the samples' grammar, small enough to be trained on again and again."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bertline.artifacts import write_json
from bertline.export.listing import FILE_NAME, ExportedFile, Exports
from samples.utterances import ENGINES, Chunk, generate, text_of
from tests.modeling.toys import SPECIAL, hugging_face_tensors, toy_config, write_hugging_face
from tests.toy_model import save_openvino, write_toy_spec

INTENTS = ("GetWeather", "PlayMusic", "RateBook")
TEST_COUNT = 40

Utterances = list[list[Chunk]]


def write_generation(
    folder: Path,
    count: int,
    intent_of: Callable[[str], str] = lambda intent: intent,
) -> Path:
    """Data in the SNIPS layout: `count` training utterances of each intent, and a test split.

    intent_of: intent → the one that its utterances are said to have.
    """
    made: dict[str, tuple[Utterances, Utterances]] = {}
    for intent, splits in generate().items():
        if intent in INTENTS:
            train, test = made.setdefault(intent_of(intent), ([], []))
            train += splits["train"][:count]
            test += splits["test"][:TEST_COUNT]
    shutil.rmtree(folder, ignore_errors=True)
    for intent, (train, test) in made.items():
        place = folder / ENGINES / intent
        place.mkdir(parents=True)
        for name, utterances in ((f"train_{intent}_full", train), (f"validate_{intent}", test)):
            content = {intent: [{"data": chunks} for chunks in utterances]}
            (place / f"{name}.json").write_text(json.dumps(content))
    return folder


def write_encoder(folder: Path) -> Path:
    """A Hugging Face folder of a small random encoder that knows the words of the grammar."""
    texts = [
        text_of(chunks).lower()
        for intent, splits in generate().items()
        if intent in INTENTS
        for chunks in (*splits["train"], *splits["test"])
    ]
    words = sorted({word for text in texts for word in re.findall(r"\w+|[^\w\s]", text)})
    vocabulary = [*SPECIAL, *words]
    changes = {"vocab_size": len(vocabulary), "hidden_size": 32, "intermediate_size": 64}
    config = toy_config(**changes)
    tensors = hugging_face_tensors(config)
    for name, tensor in tensors.items():
        tensors[name] = np.ones_like(tensor) if name.endswith("Norm.weight") else 0.1 * tensor
    write_hugging_face(folder, tensors, **changes)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    return folder


def write_weak_model(folder: Path) -> Path:
    """An exported folder whose one file knows two of the intents by one word each, and no slot."""
    folder.mkdir()
    write_toy_spec(folder)
    save_openvino(folder / "model.xml")
    values = {
        "name": "openvino_fp32",
        "runtime": "openvino",
        "precision": "fp32",
        "path": "model.xml",
        "size_bytes": 1,
        "seconds": 0.0,
    }
    exports = Exports(files=(ExportedFile.parse(values, where="toy"),))
    write_json(folder / FILE_NAME, exports.model_dump())
    return folder
