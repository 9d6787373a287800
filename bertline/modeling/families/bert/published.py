"""The checkpoints that Google published for BERT: addresses, casing, sizes.

From https://github.com/google-research/bert: its README, multilingual.md, and for the casing the
lists that its tokenization.py checks. No checksums were published.
"""

import math
import re

from bertline.modeling.families.base import Published
from bertline.modeling.families.bert.config import BertConfig
from bertline.modeling.families.bert.shapes import encoder_shapes

_ADDRESS = "https://storage.googleapis.com/bert_models"
_RETRAINED = "_retrained"
_UNCASED, _CASED = (30522, True), (28996, False)


def _published(name: str, release: str, vocab_size: int, do_lower_case: bool) -> Published:
    """A checkpoint whose name gives its shape. release: the folder that its address has, a date."""
    layers, hidden, heads = (int(re.findall(rf"_{letter}-(\d+)", name)[0]) for letter in "LHA")
    config = BertConfig(
        vocab_size=vocab_size,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        hidden_act="gelu_tanh",
        do_lower_case=do_lower_case,
    )
    return Published(
        name=name,
        address=f"{_ADDRESS}/{release}/{name.removesuffix(_RETRAINED)}.zip",
        config=config,
        num_parameters=sum(math.prod(shape) for shape in encoder_shapes(config).values()),
    )


PUBLISHED = (
    _published("uncased_L-12_H-768_A-12", "2018_10_18", *_UNCASED),
    _published("uncased_L-24_H-1024_A-16", "2018_10_18", *_UNCASED),
    _published("cased_L-12_H-768_A-12", "2018_10_18", *_CASED),
    _published("cased_L-24_H-1024_A-16", "2018_10_18", *_CASED),
    _published("multilingual_L-12_H-768_A-12", "2018_11_03", 105879, True),
    _published("chinese_L-12_H-768_A-12", "2018_11_03", 21128, True),
    _published("multi_cased_L-12_H-768_A-12", "2018_11_23", 119547, False),
    _published("wwm_uncased_L-24_H-1024_A-16", "2019_05_30", *_UNCASED),
    _published("wwm_cased_L-24_H-1024_A-16", "2019_05_30", *_CASED),
    *(
        # The largest of the miniatures has the name of the first BERT-Base.
        _published(
            f"uncased_L-{layers}_H-{hidden}_A-{hidden // 64}"
            + (_RETRAINED if (layers, hidden) == (12, 768) else ""),
            "2020_02_20",
            *_UNCASED,
        )
        for layers in (2, 4, 6, 8, 10, 12)
        for hidden in (128, 256, 512, 768)
    ),
)
"""Weights are counted with the pooler, without the heads of the pre-training."""
