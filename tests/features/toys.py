"""A vocabulary and examples small enough to compute with by hand, and artifacts of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bertline.artifacts import new_artifact, write_json
from bertline.examples import Slot, TaggedText, write_split
from bertline.features.spec import TokenizerSpec
from bertline.features.tokenizer import Tokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS = ["play", "some", "jazz", "by", "mil", "davis", "cafe", "in", "par", "de", "don", "t", "s"]
PIECES = ["##es", "##is", "##e", "##p"]
OTHERS = [".", "'", "[", "]", "sep", "你", "Play"]
VOCAB = [*SPECIAL, *WORDS, *PIECES, *OTHERS]
LABELS = {
    "intents": ["GetWeather", "PlayMusic"],
    "tags": ["O", "B-artist", "I-artist", "B-genre", "I-genre"],
}
MILES = TaggedText(
    "t0",
    "Play some jazz by Miles Davis.",
    "PlayMusic",
    (Slot("genre", 10, 14), Slot("artist", 18, 29)),
)
ODD_TEXTS = ["", " ", "\u200b", "[SEP] jazz", "cafe\u0301\u00a0jazz", "你好🎷👨\u200d👩", "x" * 201]
TRAIN = [MILES, *(TaggedText(f"t{n}", t, "GetWeather", ()) for n, t in enumerate(ODD_TEXTS, 1))]
TEST = [TaggedText("e0", "play jazz in Paris", "PlayMusic", (Slot("genre", 5, 9),))]
SPLITS: dict[str, list[TaggedText]] = {"train": TRAIN, "dev": TRAIN[:3], "test": TEST}


def vocab_id(token: str) -> int:
    return VOCAB.index(token)


def toy_tokenizer(**spec: Any) -> Tokenizer:
    vocabulary = {token: number for number, token in enumerate(VOCAB)}
    return Tokenizer(vocabulary, TokenizerSpec(**spec))


def write_vocab(path: Path) -> None:
    path.write_text("\n".join(VOCAB) + "\n", encoding="utf-8")


def write_encoder(path: Path) -> Path:
    """An encoder artifact without weights; 16 positions."""
    config = {
        "vocab_size": 28,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "max_position_embeddings": 16,
    }
    with new_artifact(path, "encoder") as folder:
        write_vocab(folder / "vocab.txt")
        write_json(folder / "encoder.json", config)
    return path


def write_examples(path: Path, splits: Mapping[str, Sequence[TaggedText]] = SPLITS) -> Path:
    """An examples artifact of tagged texts."""
    about = {
        "task": "snips",
        "example_kind": "tagged_text",
        "counts": {split: len(rows) for split, rows in splits.items()},
        "labels": {"intents": LABELS["intents"], "slots": ["artist", "genre"]},
        "report": {},
    }
    with new_artifact(path, "examples", about) as folder:
        for split, rows in splits.items():
            write_split(folder / f"{split}.jsonl", rows)
    return path
