"""Toy artifacts that the toy model of tests.toy_model can be judged on by hand."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertline.artifacts import new_artifact
from bertline.evaluation.predictors import Batch, Logits
from bertline.examples import Slot, TaggedText, write_split
from bertline.features.records import write_shard
from bertline.features.spec import TokenizerSpec
from bertline.features.tagged_text import encode_tagged_examples
from bertline.features.tokenizer import Tokenizer
from tests.toy_model import INTENTS, MAX_SEQ_LENGTH, TABLES, TAGS, VOCABULARY

LABELS = {"intents": INTENTS, "tags": TAGS}
TEST = [
    TaggedText("test-0", "play some jazz", "PlayMusic", (Slot("genre", 10, 14),)),
    TaggedText("test-1", "rate miles davis!", "RateBook", (Slot("artist", 5, 16),)),
    # The toy model says PlayMusic and finds an artist.
    TaggedText("test-2", "play some miles by davis davis", "RateBook", ()),
]
TRAIN = [
    TaggedText(f"train-{n}", f"{verb} some {word}", intent, ())
    for n, (verb, word, intent) in enumerate(
        (verb, word, intent)
        for verb, intent in (("play", "PlayMusic"), ("rate", "RateBook"))
        for word in ("jazz", "miles", "davis", "some", "by")
    )
]
LEAKED = ["test-0"]
SPLITS = {"train": TRAIN, "test": TEST}


def write_material(
    folder: Path, splits: Mapping[str, list[TaggedText]] = SPLITS
) -> tuple[Path, Path]:
    """Writes the artifacts examples and features into `folder`; gives their paths."""
    examples, features = folder / "examples", folder / "features"
    vocab = folder / "vocab.txt"
    vocab.write_text("\n".join(VOCABULARY) + "\n")
    tokenizer = Tokenizer.from_vocab(vocab, TokenizerSpec())
    counts = {name: len(split) for name, split in splits.items()}
    about: dict[str, Any] = {
        "task": "snips",
        "example_kind": "tagged_text",
        "counts": counts,
        "report": {"test_in_train": LEAKED},
    }
    with new_artifact(examples, "examples", about) as target:
        for name, split in splits.items():
            write_split(target / f"{name}.jsonl", split)
    about = {
        "labels": LABELS,
        "counts": counts,
        "inputs": {"max_seq_length": MAX_SEQ_LENGTH},
        "truncated": dict.fromkeys(splits, 0),
        "shards": {name: [f"{name}.tfrecord"] for name in splits},
    }
    with new_artifact(features, "features", about) as target:
        for name, split in splits.items():
            records = encode_tagged_examples(tokenizer, split, LABELS, MAX_SEQ_LENGTH)
            write_shard(target / f"{name}.tfrecord", records)
    return examples, features


class TablePredictor:
    """The toy model in NumPy; `shift` is added to every logit of the first class."""

    def __init__(self, name: str = "toy", shift: float = 0, fixed_batch: int | None = None) -> None:
        self.name, self.shift, self.fixed_batch = name, shift, fixed_batch
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, batch: Batch) -> Logits:
        ids, mask = batch["input_ids"], batch["input_mask"]
        self.shapes.append(ids.shape)
        logits = {
            "intent_logits": (TABLES["intent"][ids] * mask[..., None]).sum(axis=1),
            # Padding is given logits that would be noticed.
            "slot_logits": np.where(mask[..., None] == 1, TABLES["tag"][ids], np.nan),
        }
        return {name: self._shifted(values) for name, values in logits.items()}

    def _shifted(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        values[..., 0] += np.float32(self.shift)
        return values
