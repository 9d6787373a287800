"""What a network does at its sites (see bertline.modeling.quantization): nothing, or rounding.

A network is built with an object that gives a `Part` for each part that has sites. When a part
runs it opens its Part for the call and has then an `At` to ask: `x = at("output_sum", x + y)`.
Three kinds exist: `FLOAT` leaves everything as it is and adds no operation; `FixedSites` rounds
with ranges that are known; training has ranges that are found and learnt.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from bertline.modeling.fake_quant import fake_quantize, fake_quantize_kernel
from bertline.modeling.quantization import Ranges

T = TypeVar("T")


class At(Protocol):
    """The sites of one part in one call."""

    @property
    def has_sites(self) -> bool:
        """Whether there is any."""
        ...

    @property
    def seen(self) -> Mapping[str, Any]:
        """Site → what the call saw of its values, for `Part.collect`."""
        ...

    def __call__(self, name: str, x: Any) -> Any:
        """`x` as it is at the site `name`."""
        ...

    def skip(self, name: str, x: Any) -> Any:
        """`x` as it goes past a residual branch into the sum at the site `name`."""
        ...

    def inside(self, name: str) -> "At":
        """The sites whose names begin with `name`/."""
        ...

    def kernel(self, kernel: Any) -> Any:
        """The weights of a dense layer as they are used."""
        ...

    def scale_and_shift(self, x: Any, gamma: Any, beta: Any) -> Any:
        """`x` times gamma plus beta, channel by channel [n], rounded nowhere between."""
        ...

    def quantizes(self, name: str) -> bool:
        """Whether the site is one that may be rounded."""
        ...

    def in_integers(self, x: Any, otherwise: Callable[[], Any]) -> Any:
        """`x`, computed as integer kernels do, or `otherwise()` while nothing is rounded yet."""
        ...


class Part(Protocol):
    """The sites of one part of a network."""

    def open(self, input_mask: Any, training: bool) -> At:
        """The sites for one call on tokens [B, L] whose mask is 0 where there is padding."""
        ...

    def collect(self, seen: Mapping[str, Any]) -> None:
        """Takes in what the call saw."""
        ...


class Sites(Protocol):
    """The sites of a network."""

    def part(self, name: str) -> Part:
        """Those of the part `name`."""
        ...


def below(values: Mapping[str, T], name: str) -> dict[str, T]:
    """Those of the values by site that belong to `name`/…, by what follows it."""
    prefix = f"{name}/"
    return {n.removeprefix(prefix): v for n, v in values.items() if n.startswith(prefix)}


def scale_and_shift(x: Any, gamma: Any, beta: Any) -> Any:
    """`x` [..., n] times `gamma` [n] plus `beta` [n]."""
    return x * gamma + beta


class FixedSites:
    """Sites with the given ranges; those without one stay float.

    With no ranges at all weights stay float too. activation, weights: what rounds; the functions
    of fake_quant, or others of the same meaning. affine: what scales and shifts.
    """

    seen: Mapping[str, Any] = {}

    def __init__(
        self,
        ranges: Ranges,
        activation: Callable[[Any, Any, Any], Any] = fake_quantize,
        weights: Callable[[Any], Any] = fake_quantize_kernel,
        affine: Callable[[Any, Any, Any], Any] = scale_and_shift,
    ) -> None:
        self._ranges, self._activation = ranges, activation
        self._weights, self._affine = weights, affine
        self.has_sites = bool(ranges)

    def part(self, name: str) -> "FixedSites":
        """The sites of a part; it is its own `Part` and `At`."""
        return self.inside(name)

    def open(self, input_mask: Any, training: bool) -> "FixedSites":
        """Itself: calls do not differ."""
        return self

    def collect(self, seen: Mapping[str, Any]) -> None:
        """Does nothing: ranges are known."""

    def __call__(self, name: str, x: Any) -> Any:
        """`x`, rounded if the site has a range."""
        return self._activation(x, *self._ranges[name]) if name in self._ranges else x

    def skip(self, name: str, x: Any) -> Any:
        """`x`."""
        return x

    def inside(self, name: str) -> "FixedSites":
        """See `At`."""
        return FixedSites(below(self._ranges, name), self._activation, self._weights, self._affine)

    def kernel(self, kernel: Any) -> Any:
        """The rounded weights."""
        return self._weights(kernel)

    def scale_and_shift(self, x: Any, gamma: Any, beta: Any) -> Any:
        """See `At`."""
        return self._affine(x, gamma, beta)

    def quantizes(self, name: str) -> bool:
        """Whether the site has a range."""
        return name in self._ranges

    def in_integers(self, x: Any, otherwise: Callable[[], Any]) -> Any:
        """Always `x`."""
        return x


def unchanged(weights: Any) -> Any:
    """`weights` as they are."""
    return weights


FLOAT = FixedSites({}, weights=unchanged)
"""The sites of a network that is not quantized."""
