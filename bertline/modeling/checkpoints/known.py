"""The checkpoints that Google published for BERT: addresses, casing, sizes.

From https://github.com/google-research/bert: its README, multilingual.md, and for the casing the
lists that its tokenization.py checks. No checksums were published.
"""

import math
import re
from dataclasses import dataclass

from bertline.modeling.config import EncoderConfig
from bertline.modeling.shapes import encoder_shapes

_ADDRESS = "https://storage.googleapis.com/bert_models"
_RETRAINED = "_retrained"


@dataclass(frozen=True)
class Known:
    """A published checkpoint. release: the folder that its address has, a date."""

    name: str
    release: str
    vocab_size: int
    do_lower_case: bool

    @property
    def address(self) -> str:
        """Where its zip lies."""
        return f"{_ADDRESS}/{self.release}/{self.name.removesuffix(_RETRAINED)}.zip"

    @property
    def layers(self) -> int:
        """Number of layers, as the name tells it."""
        return self._size("L")

    @property
    def hidden_size(self) -> int:
        """Hidden size, as the name tells it."""
        return self._size("H")

    @property
    def heads(self) -> int:
        """Attention heads of a layer, as the name tells them."""
        return self._size("A")

    @property
    def num_parameters(self) -> int:
        """Weights of the encoder, pooler included, heads of the pre-training not."""
        config = EncoderConfig(
            vocab_size=self.vocab_size,
            hidden_size=self.hidden_size,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            intermediate_size=4 * self.hidden_size,
        )
        return sum(math.prod(shape) for shape in encoder_shapes(config).values())

    def _size(self, letter: str) -> int:
        found = re.search(rf"_{letter}-(\d+)", self.name)
        assert found
        return int(found[1])


_UNCASED, _CASED = (30522, True), (28996, False)

KNOWN = {
    known.name: known
    for known in (
        Known("uncased_L-12_H-768_A-12", "2018_10_18", *_UNCASED),
        Known("uncased_L-24_H-1024_A-16", "2018_10_18", *_UNCASED),
        Known("cased_L-12_H-768_A-12", "2018_10_18", *_CASED),
        Known("cased_L-24_H-1024_A-16", "2018_10_18", *_CASED),
        Known("multilingual_L-12_H-768_A-12", "2018_11_03", 105879, True),
        Known("chinese_L-12_H-768_A-12", "2018_11_03", 21128, True),
        Known("multi_cased_L-12_H-768_A-12", "2018_11_23", 119547, False),
        Known("wwm_uncased_L-24_H-1024_A-16", "2019_05_30", *_UNCASED),
        Known("wwm_cased_L-24_H-1024_A-16", "2019_05_30", *_CASED),
        *(
            # The largest of the miniatures has the name of the first BERT-Base.
            Known(
                f"uncased_L-{layers}_H-{hidden}_A-{hidden // 64}"
                + (_RETRAINED if (layers, hidden) == (12, 768) else ""),
                "2020_02_20",
                *_UNCASED,
            )
            for layers in (2, 4, 6, 8, 10, 12)
            for hidden in (128, 256, 512, 768)
        ),
    )
}


def table_lines() -> list[str]:
    """The checkpoints as aligned columns of text, a heading first."""
    rows = [("name", "layers", "hidden", "heads", "parameters", "casing", "address")]
    rows += [
        (
            known.name,
            str(known.layers),
            str(known.hidden_size),
            str(known.heads),
            f"{known.num_parameters / 1e6:.1f}M",
            "uncased" if known.do_lower_case else "cased",
            known.address,
        )
        for known in KNOWN.values()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if 1 <= place <= 4 else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
