"""A vocabulary and examples small enough to compute with by hand."""

from pathlib import Path

from bertline.examples import Slot, TaggedText
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


def vocab_id(token: str) -> int:
    return VOCAB.index(token)


def toy_tokenizer(do_lower_case: bool = True) -> Tokenizer:
    return Tokenizer({token: number for number, token in enumerate(VOCAB)}, do_lower_case)


def write_vocab(path: Path) -> None:
    path.write_text("\n".join(VOCAB) + "\n", encoding="utf-8")
