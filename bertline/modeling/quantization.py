"""Quantization sites, and how their ranges are stored. No TensorFlow, no Keras.

A *site* is a tensor of a network that is rounded to 8 bits: the result of an operation. Each family
of encoders declares its sites once (bertline.modeling.site_table); networks ask at each of them
what is to be done (bertline.modeling.sites). Names are paths: "layer_3/output_norm/variance".
"""

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

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
class Shown:
    """What an operation of a runtime's graph that computes a site's values looks like.

    operator: its kind, as the runtime calls it. name: a pattern that is found in its name, whatever
    the case; in an OpenVINO graph in what follows the block. after: names or kinds of sites (see
    `matches`), one of which it reads. What is empty is not asked for. Where an operation fits
    several sites, a name decides before a kind, and a kind before what is read.
    """

    operator: str = ""
    name: str = ""
    after: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[bool, bool, bool]:
        """Its place among the `Shown` of other sites: what asks for more comes first."""
        return (not self.name, not self.operator, not self.after)

    def fits(self, operator: str, name: str, before: Collection[str] = ()) -> bool:
        """Whether an operation is such a one; before: the sites that it reads."""
        return (
            self.operator in ("", operator)
            and re.search(self.name, name, re.IGNORECASE) is not None
            and (not self.after or any(matches(site, self.after) for site in before))
        )


@dataclass(frozen=True)
class Site:
    """What is known of a site before any value is seen.

    axes: what its values belong to: "tokens" [..., L or B · L, n], "pairs" of tokens [B, N, L, L],
    "texts" [B, n], "positions" [L, n]. fixed: its range, if that does not depend on the data.
    below: how far the range reaches below the least value. least: training keeps the values at
    least as large.

    litert, openvino: what shows it in such a graph; None where nothing does, or where LiteRT's
    operators belong to another site of the same group. group: a name for sites that exported files
    quantize, or leave float, together; by default the site's own. In a block it is a name inside
    the block. stays_float: int8 files without trained ranges leave the group float. has_outliers:
    litert_int8_mixed does so too, unless other sites are chosen. branch: of a residual sum, the
    site of the dense layer that ends its branch; skip: the site whose values go past that branch.
    """

    axes: Literal["tokens", "pairs", "texts", "positions"] = "tokens"
    fixed: Range | None = None
    below: float = 0.0
    least: float | None = None
    litert: Shown | None = None
    openvino: Shown | None = None
    group: str = ""
    stays_float: bool = False
    has_outliers: bool = False
    branch: str = ""
    skip: str = ""


HEAD_SITES = {
    "intent_slots": {"intent_dense": Site(axes="texts"), "slot_dense": Site()},
    "classifier": {"label_dense": Site(axes="texts")},
    "answer_span": {"span_dense": Site()},
}
"""Head → its dense layers, each a part with its result as the only site."""


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
