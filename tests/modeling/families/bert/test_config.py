import pytest

from bertline.errors import ConfigError
from tests.modeling.toys import toy_config


def test_heads_must_divide_the_hidden_size() -> None:
    message = "key 'num_attention_heads' = 3: does not divide hidden_size 8; give the"
    with pytest.raises(ConfigError, match=message) as caught:
        toy_config(num_attention_heads=3)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("hidden_act", "silu"), ("hidden_size", 0), ("hidden_dropout_prob", 1.0), ("vocab", 3)],
)
def test_what_the_encoder_cannot_be_is_refused(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=key):
        toy_config(**{key: value})
