"""Where a network is quantized, and how its ranges are had. No TensorFlow, no Keras.

A *site* is a tensor of a network that is rounded to 8 bits: the result of an operation. The tables
below name all sites; networks ask at each of them what is to be done (bertline.modeling.sites).
Names are paths: "layer_3/output_norm/variance".
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from bertline.config import Config, nearest
from bertline.errors import ConfigError

Range = tuple[float, float]
Ranges = Mapping[str, Range]
"""Site → (low, high) of its values, low <= 0 <= high."""

LEVELS = 255
"""Steps of an 8-bit range."""
_STEP_BITS = 12

# Added to the attention scores of padding. e^-100 vanishes beside 1 in float32, as with the -10000
# of the original, and the range of the scores stays narrow enough for 8 bits.
MASKED_SCORE = -100.0
SOFTMAX_RANGE = (0.0, 255 / 256)
TANH_RANGE = (-1.0, 127 / 128)
"""What LiteRT's integer kernels of these give; they allow no other."""


@dataclass(frozen=True)
class Site:
    """What is known of a site before any value is seen.

    axes: what its values belong to: "tokens" [..., L or B · L, n], "pairs" of tokens [B, N, L, L],
    "texts" [B, n], "positions" [L, n]. fixed: its range, if that does not depend on the data.
    below: how far the range reaches below the least value. least: training keeps the values at
    least as large.
    """

    axes: Literal["tokens", "pairs", "texts", "positions"] = "tokens"
    fixed: Range | None = None
    below: float = 0.0
    least: float | None = None


def _norm(name: str) -> dict[str, Site]:
    inside = ("mean", "centred", "squared", "variance", "inverse", "normal")
    return {
        **{f"{name}/{part}": Site() for part in inside},
        # A variance below half a step is rounded to 0, whose root has no gradient.
        f"{name}/variance": Site(least=1e-3),
        name: Site(),
    }


EMBEDDING_SITES = {
    "words": Site(),
    "segments": Site(),
    "positions": Site(axes="positions"),
    "words_segments": Site(),
    "sum": Site(),
    **_norm("norm"),
}
LAYER_SITES = {
    "query": Site(),
    "key": Site(),
    "value": Site(),
    "scores": Site(axes="pairs"),
    "scaled": Site(axes="pairs"),
    # Padding lies this far below: e^-10 of 256 levels is none.
    "masked": Site(axes="pairs", below=10.0),
    "softmax": Site(axes="pairs", fixed=SOFTMAX_RANGE),
    "context": Site(),
    "attention_output": Site(),
    "attention_sum": Site(),
    **_norm("attention_norm"),
    "intermediate": Site(),
    "activation": Site(),
    "output": Site(),
    "output_sum": Site(),
    **_norm("output_norm"),
}
ENCODER_SITES = {
    "mask": Site(axes="texts", fixed=(MASKED_SCORE, 0.0)),
    "pooler": Site(axes="texts"),
    "pooled": Site(axes="texts", fixed=TANH_RANGE),
}
POOLER_SITES = ("encoder/pooler", "encoder/pooled")
"""The full names of those of ENCODER_SITES that an encoder without a pooler lacks."""
HEAD_SITES = {
    "intent_slots": {"intent_dense": Site(axes="texts"), "slot_dense": Site()},
    "classifier": {"label_dense": Site(axes="texts")},
    "answer_span": {"span_dense": Site()},
}
"""Head → its dense layers, each a part with its result as the only site."""


def parts_of(num_hidden_layers: int, head: str) -> dict[str, dict[str, Site]]:
    """Part of a network → its sites by their names inside it."""
    return {
        "encoder": ENCODER_SITES,
        "embeddings": EMBEDDING_SITES,
        **{f"layer_{i}": LAYER_SITES for i in range(num_hidden_layers)},
        **{dense: {"logits": site} for dense, site in HEAD_SITES[head].items()},
    }


def sites_of(num_hidden_layers: int, head: str) -> dict[str, Site]:
    """All sites of an encoder with a head by their full names: "<part>/<name>"."""
    parts = parts_of(num_hidden_layers, head)
    return {f"{part}/{name}": site for part, sites in parts.items() for name, site in sites.items()}


def settled(low: float, high: float) -> Range:
    """The range [low, high], low <= 0 <= high, as a file holds it: 0 is a level, steps are exact.

    Every level of it is a float32 without rounding: a step has 12 bits and a level's number 8.
    Otherwise what tools compute of the bounds, each in its own way, differs in the last bit, and
    LiteRT's converter refuses graphs for that. The range grows by 1/4096 at most, beside the half
    step that 0 may move it.
    """
    if low == high:
        return (0.0, 0.0)
    mantissa, exponent = math.frexp((high - low) / LEVELS)
    step = math.ldexp(math.ceil(mantissa * 2**_STEP_BITS), exponent - _STEP_BITS)
    zero = min(math.floor(-low / step + 0.5), LEVELS)
    return (-zero * step, (LEVELS - zero) * step)


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a site fits one of the patterns, shell-style names or kinds.

    "layer_*/output_sum" is one of names. The kind of a site, "output_sum", is what its name ends
    with.
    """
    kind = name.rpartition("/")[2]
    return any(fnmatchcase(name if "/" in each else kind, each) for each in patterns)


class QuantizationSpec(Config):
    """How the network of a model is quantized: 8 bits, weights by output channel and symmetric.

    float_sites: patterns of the names of sites that stay float. Ranges lie with the weights.
    """

    float_sites: tuple[str, ...] = ()

    def sites(self, num_hidden_layers: int, head: str, has_pooler: bool = True) -> dict[str, Site]:
        """The sites that are quantized; raises ConfigError for a pattern that fits none."""
        sites = sites_of(num_hidden_layers, head)
        if not has_pooler:
            sites = {n: site for n, site in sites.items() if n not in POOLER_SITES}
        for pattern in self.float_sites:
            if not any(matches(name, [pattern]) for name in sites):
                raise ConfigError(
                    f"float_sites: no site {pattern!r}; {nearest(pattern, list(LAYER_SITES))}"
                )
        return {n: site for n, site in sites.items() if not matches(n, self.float_sites)}
