"""The table of sites, and that networks ask at all of them and no others."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bertline.errors import ConfigError
from bertline.modeling.config import ModelSpec, QuantizationSpec, network_sites
from bertline.modeling.model import build_model
from bertline.modeling.quantization import (
    LEVELS,
    SOFTMAX_RANGE,
    TANH_RANGE,
    matches,
    settled,
)
from bertline.modeling.sites import FixedSites
from tests.modeling.toys import batch_of, toy_config, toy_spec

LABELS = {
    "intent_slots": {"intents": ["a", "b"], "tags": ["O", "B-x", "I-x"]},
    "classifier": {"classes": ["a", "b"]},
    "answer_span": {},
}


def spec_of(head: str) -> ModelSpec:
    return toy_spec().model_copy(update={"head": head, "labels": LABELS[head]})


class Asking(FixedSites):
    """Sites that note what they are asked for."""

    def __init__(self, names: Mapping[str, Any], asked: list[str], prefix: str = "") -> None:
        super().__init__({})
        self.names, self.asked, self.prefix = names, asked, prefix
        self.has_sites = any(name.startswith(prefix) for name in names)

    def inside(self, name: str) -> "Asking":
        return Asking(self.names, self.asked, f"{self.prefix}{name}/")

    def __call__(self, name: str, x: Any) -> Any:
        self.asked.append(self.prefix + name)
        return x


@pytest.mark.parametrize("head", LABELS)
def test_a_network_asks_at_each_site_once(head: str) -> None:
    spec = spec_of(head)
    sites = network_sites(spec.encoder, head)
    asked: list[str] = []
    model = build_model(spec, sites=Asking(sites, asked))
    asked.clear()
    model(batch_of([2, 5, 3], length=4))
    assert sorted(asked) == sorted(sites)
    # 5 tables and sums with a normalization of 7, 14 + 2 · 7 of each layer, 3 at the end.
    assert len(sites) == 12 + 2 * (14 + 2 * 7) + 3 + len(LABELS[head] or [head])


def test_an_encoder_without_a_pooler_has_its_sites_not() -> None:
    spec = spec_of("answer_span")
    encoder = spec.encoder.model_copy(update={"has_pooler": False})
    sites = QuantizationSpec().sites(encoder, "answer_span")
    asked: list[str] = []
    model = build_model(
        spec.model_copy(update={"encoder": encoder}), sites=Asking(dict(sites), asked)
    )
    asked.clear()
    model(batch_of([2, 5, 3], length=4))
    assert sorted(asked) == sorted(sites)
    assert network_sites(spec.encoder, "answer_span").keys() - sites == {
        "encoder/pooler",
        "encoder/pooled",
    }


def test_patterns_are_names_or_kinds() -> None:
    name = "layer_3/output_norm/variance"
    assert matches(name, ["layer_3/output_norm/variance"])
    assert matches(name, ["layer_*/output_norm/*"])
    assert matches(name, ["no", "variance"])
    assert not matches(name, ["output_norm", "layer_3", "layer_2/*"])


def test_float_sites_are_left_out() -> None:
    every = QuantizationSpec().sites(toy_config(), "classifier")
    some = QuantizationSpec(float_sites=("output_sum", "layer_1/*norm/*")).sites(
        toy_config(), "classifier"
    )
    missing = every.keys() - some.keys()
    assert len(missing) == 2 + 2 * 6
    assert {"layer_0/output_sum", "layer_1/output_norm/mean"} <= missing


def test_a_pattern_that_fits_none_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"^float_sites: no site 'outputsum'; did you mean"):
        QuantizationSpec(float_sites=("outputsum",)).sites(toy_config(), "classifier")


def test_older_models_are_not_quantized() -> None:
    values = toy_spec().model_dump()
    del values["quantization"]
    assert ModelSpec.parse(values, where="older").quantization is None


BOUNDS = st.floats(0, 1e6, width=32)


@given(low=BOUNDS, high=BOUNDS)
def test_levels_of_a_settled_range_are_exact(low: float, high: float) -> None:
    assume(low + high > 1e-30)
    first, last = settled(-low, high)
    step = (last - first) / LEVELS
    levels = first + step * np.arange(LEVELS + 1)
    assert 0 in levels
    np.testing.assert_array_equal(levels, levels.astype(np.float32))
    assert first <= -low + 0.51 * step
    assert last >= high - 0.51 * step
    assert step <= (low + high) / LEVELS * (1 + 2**-11)
    assert settled(first, last) == (first, last)


def test_ranges_of_kernels_and_none_stay() -> None:
    for bounds in (SOFTMAX_RANGE, TANH_RANGE, (0.0, 0.0)):
        assert settled(*bounds) == bounds
