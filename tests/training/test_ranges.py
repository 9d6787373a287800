from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from bertline.modeling.quantization import Site, settled
from bertline.training.ranges import FoundSites
from bertline.training.settings import QuantizationSettings

MASK = np.array([[1, 1, 1], [1, 1, 0]], np.int32)


def found(settings: QuantizationSettings, rate: float = 1.0, **sites: Site) -> tuple[Any, Any]:
    sites = sites or {"sum": Site()}
    all_sites = FoundSites({f"part/{n}": site for n, site in sites.items()}, settings, rate)
    return all_sites, all_sites.part("part")


def see(all_sites: FoundSites, part: Any, training: bool = True, **values: Any) -> dict[str, Any]:
    """One batch; what its sites make of the values."""
    at = part.open(MASK, training)
    result = {name: np.asarray(at(name, tf.constant(x, tf.float32))) for name, x in values.items()}
    part.collect(at.seen)
    if training or all_sites.calibrating:
        all_sites.advance()
    return result


def ranges(part: Any) -> dict[str, tuple[float, float]]:
    return {
        f"part/{name}": (float(low), float(high)) for name, (low, high) in part.ranges().items()
    }


def tokens(*values: float) -> list[list[float]]:
    """A tensor [B · L, 1] of six tokens, of which the last is padding."""
    return [[value] for value in values]


def test_padding_does_not_count() -> None:
    sites, part = found(QuantizationSettings())
    sites.calibrating = True
    see(sites, part, sum=tokens(1, -2, 3, 1.5, -1, 1000))
    assert ranges(part) == {"part/sum": (-2, 3)}


def test_ranges_are_settled_in_the_end() -> None:
    sites, part = found(QuantizationSettings())
    sites.calibrating = True
    see(sites, part, sum=tokens(1, -2, 3, 1.5, -1, 1000))
    assert sites.ranges() == {"part/sum": settled(-2, 3)}


def test_a_first_token_that_reaches_far_may_be_left_out() -> None:
    sites, part = found(QuantizationSettings(without_first="auto"))
    sites.calibrating = True
    see(sites, part, sum=tokens(200, -2, 3, 1, -1, 0))
    assert ranges(part) == {"part/sum": (-2, 3)}
    # Twice as far is not far enough.
    sites, part = found(QuantizationSettings(without_first="auto"))
    sites.calibrating = True
    see(sites, part, sum=tokens(6, -2, 3, 1, -1, 0))
    assert ranges(part) == {"part/sum": (-2, 6)}


def test_named_sites_leave_the_first_token_out_and_others_do_not() -> None:
    settings = QuantizationSettings(without_first=("variance",))
    sites, part = found(settings, sum=Site(), variance=Site())
    sites.calibrating = True
    see(sites, part, sum=tokens(200, 1, 1, 1, 1, 0), variance=tokens(1.5, 1, 1, 1, 1, 0))
    assert ranges(part) == {"part/sum": (0, 200), "part/variance": (0, 1)}


def test_pairs_with_padding_do_not_count_and_ranges_reach_below() -> None:
    sites, part = found(QuantizationSettings(), masked=Site(axes="pairs", below=10.0))
    sites.calibrating = True
    scores = np.zeros((2, 1, 3, 3), np.float32)
    scores[0, 0, 1, 2], scores[0, 0, 2, 0] = -4, 5
    scores[1, 0, 2, 0] = scores[1, 0, 0, 2] = 100
    see(sites, part, masked=scores)
    assert ranges(part) == {"part/masked": (-14, 5)}


def test_batches_are_averaged_then_followed() -> None:
    sites, part = found(QuantizationSettings(ranges="moving_average", momentum=0.75))
    highs = []
    for high in (8, 4, 3, 5, 9):
        see(sites, part, sum=tokens(0, high, 0, 0, 0, 0))
        highs.append(ranges(part)["part/sum"][1])
    # The mean until the fourth, then a quarter of the way.
    assert highs == pytest.approx([8, 6, 5, 5, 6])


def test_percentiles_leave_out_a_share_of_what_counts() -> None:
    sites, part = found(QuantizationSettings(ranges="percentile", percentile=80.0), sum=Site())
    sites.calibrating = True
    # 100 features of 5 real tokens; the first token has bounds of its own.
    values = np.tile(np.linspace(0, 99, 100), (6, 1))
    values[0] = values[3] = 0
    see(sites, part, sum=values)
    low, high = ranges(part)["part/sum"]
    assert low == 0
    # 10 % of the three other tokens' values lie above 89.1.
    assert high == pytest.approx(89.1, abs=1)


def test_fixed_ranges_are_fixed() -> None:
    sites, part = found(QuantizationSettings(), softmax=Site(axes="pairs", fixed=(0.0, 255 / 256)))
    sites.calibrating = True
    see(sites, part, softmax=np.full((2, 1, 3, 3), 5.0))
    assert ranges(part) == {"part/softmax": (0, 255 / 256)}
    # Of a part that has no others, too.
    assert sites.ranges() == {"part/softmax": settled(0, 255 / 256)}


def test_values_are_rounded_after_the_delay() -> None:
    sites, part = found(QuantizationSettings(quant_delay=2, ranges="pact"))
    x = tokens(0, 25.5, 0.14, 0, 0, 0)
    for _ in range(2):
        assert see(sites, part, sum=x)["sum"][2, 0] == np.float32(0.14)
    assert see(sites, part, sum=x)["sum"][2, 0] == pytest.approx(0.1)
    # Learnt ranges are not collected any more.
    see(sites, part, sum=tokens(0, 100, 0, 0, 0, 0))
    assert ranges(part)["part/sum"] == (0, 25.5)


@pytest.mark.parametrize("training", [True, False])
def test_training_and_evaluation_can_be_left_out(training: bool) -> None:
    settings = QuantizationSettings(quantize_training=not training, quantize_evaluation=training)
    sites, part = found(settings)
    sites.calibrating = True
    see(sites, part, sum=tokens(0, 25.5, 0, 0, 0, 0))
    sites.calibrating = False
    x = tokens(0, 0.14, 0, 0, 0, 0)
    assert see(sites, part, training=training, sum=x)["sum"][1, 0] == np.float32(0.14)
    assert see(sites, part, training=not training, sum=x)["sum"][1, 0] == pytest.approx(0.1)


def test_the_logarithm_of_a_learnt_bound_moves_at_its_rate() -> None:
    sites, part = found(QuantizationSettings(ranges="pact"), rate=50.0)
    sites.calibrating = True
    see(sites, part, sum=tokens(0, 2, -1, 0, 0, 0))
    part.log_scale.assign([[0.01, 0.02]])
    low, high = ranges(part)["part/sum"]
    assert (low, high) == pytest.approx((-np.exp(0.5), 2 * np.exp(1.0)))
    sites.calibrating = False
    with tf.GradientTape() as tape:
        y = part.open(MASK, True)("sum", tf.constant([[9.0], [0.0], [0.0], [0.0], [0.0], [0.0]]))
        loss = 3 * y[0, 0]
    gradient = tape.gradient(loss, part.log_scale.value)
    # Without the rate: d high / d log high = high.
    np.testing.assert_allclose(gradient, [[0, 3 * 2 * np.exp(1.0)]], rtol=1e-5)


def test_moving_averages_are_not_learnt() -> None:
    _, part = found(QuantizationSettings(ranges="moving_average"))
    assert part.trainable_variables == []
    assert isinstance(part, keras.layers.Layer)
