import pytest

from bertline.modeling.families.bert.config import BertConfig
from bertline.modeling.families.bert.shapes import encoder_flops


def test_bert_tiny_has_the_published_number() -> None:
    tiny = BertConfig(
        vocab_size=30522,
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=512,
    )
    assert encoder_flops(tiny, 384) == pytest.approx(453e6, rel=1e-3)


def test_flops_by_hand() -> None:
    config = BertConfig(
        vocab_size=9,
        hidden_size=2,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=3,
    )
    # 5 tokens: 4 products of 5×2×2, two of 5×2×3, two of 5×5×2 multiply-accumulates.
    assert encoder_flops(config, 5) == 2 * (4 * 20 + 2 * 30 + 2 * 50)
