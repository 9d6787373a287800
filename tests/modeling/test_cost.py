import numpy as np
import pytest

from bertline.modeling.config import EncoderConfig
from bertline.modeling.cost import encoder_flops, parameter_count, prune_ratio


def test_bert_tiny_has_the_published_number() -> None:
    tiny = EncoderConfig(
        vocab_size=30522,
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=512,
    )
    assert encoder_flops(tiny, 384) == pytest.approx(453e6, rel=1e-3)


def test_flops_by_hand() -> None:
    config = EncoderConfig(
        vocab_size=9,
        hidden_size=2,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=3,
    )
    # 5 tokens: 4 products of 5×2×2, two of 5×2×3, two of 5×5×2 multiply-accumulates.
    assert encoder_flops(config, 5) == 2 * (4 * 20 + 2 * 30 + 2 * 50)


def test_parameters_and_zeros() -> None:
    weights = {
        "a/kernel": np.array([[0.0, 1.0], [0.0, 2.0]]),
        "b/kernel": np.array([[3.0, 4.0]]),
        "a/bias": np.zeros(2),
    }
    assert parameter_count(weights) == 8
    assert prune_ratio(weights) == pytest.approx(100 * 2 / 6)
    assert prune_ratio({}) == 0
