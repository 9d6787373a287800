"""Ranges of a network's sites, found while it runs and learnt while it trains."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import ops

from bertline.modeling.fake_quant import fake_quantize, fake_quantize_kernel
from bertline.modeling.quantization import Range, Ranges, Site, matches, settled
from bertline.modeling.sites import FLOAT, At, below, scale_and_shift
from bertline.training.bounds import bounds_of
from bertline.training.settings import QuantizationSettings

# How many times as far as all other tokens the first one must reach to be left out of a range.
OUTLIER_RATIO = 2.0
LOG_SCALE = "log_scale"


class FoundSites:
    """The sites of one network in training, each with a range of its own.

    A batch that is *collected* widens or narrows the ranges; values are rounded from step
    `quant_delay` on. rate: how many times as fast as a weight the logarithm of a learnt bound moves
    (Jain et al. 2020, https://arxiv.org/abs/1903.08066, learn in that domain too). calibrating:
    set while batches are only collected.
    """

    def __init__(
        self, sites: Mapping[str, Site], settings: QuantizationSettings, rate: float
    ) -> None:
        self.settings, self.rate = settings, rate
        self.calibrating = False
        self.step = keras.Variable(0, dtype="int32", trainable=False, name="quantization_step")
        self._sites = sites
        self._parts: list[FoundPart] = []

    def part(self, name: str) -> "FoundPart":
        """The sites of the part `name`, as a layer that holds their ranges."""
        self._parts.append(FoundPart(name, below(self._sites, name), self))
        return self._parts[-1]

    def advance(self) -> None:
        """Counts a batch."""
        self.step.assign(self.step + 1)

    def ranges(self) -> Ranges:
        """The range of every site as it is now, `settled`."""
        return {
            f"{part.part}/{name}": settled(low, high)
            for part in self._parts
            for name, (low, high) in part.numbers().items()
        }

    def collects(self, training: bool) -> bool:
        """Whether a batch of this kind may be collected."""
        while_training = self.settings.ranges == "moving_average" or self.settings.quant_delay > 0
        return self.calibrating or (training and while_training)

    def collection_rate(self) -> Any:
        """How far the next batch moves what was collected: float32 scalar in [0, 1].

        The first batches are averaged, later ones in a moving average; ranges that do not move
        stay from `quant_delay` on.
        """
        rate = ops.maximum(
            1.0 / (ops.cast(self.step, "float32") + 1.0), 1.0 - self.settings.momentum
        )
        if self.calibrating or self.settings.ranges == "moving_average":
            return rate
        return ops.where(self.step < self.settings.quant_delay, rate, 0.0)

    def rounds(self, training: bool) -> bool:
        """Whether values of such a batch are ever rounded."""
        settings = self.settings
        wanted = settings.quantize_training if training else settings.quantize_evaluation
        return wanted and not self.calibrating

    def active(self) -> Any:
        """Whether they are rounded now: True, or a bool scalar."""
        delay = self.settings.quant_delay
        return self.step >= delay if delay else True


class FoundPart(keras.layers.Layer):  # type: ignore[misc]
    """The ranges of one part's sites.

    Variables: `collected` [sites, 4], the bounds of all tokens but the first, and of the first;
    where ranges are learnt also `log_scale` [sites, 2], which stretches the bounds.
    """

    def __init__(self, part: str, sites: Mapping[str, Site], of: FoundSites) -> None:
        super().__init__(name=f"sites_of_{part}", dtype="float32")
        self.part, self.sites, self.of = part, dict(sites), of
        self.fixed = {name: site.fixed for name, site in sites.items() if site.fixed is not None}
        self.found = [name for name in sites if name not in self.fixed]
        count, settings = len(self.found), of.settings
        # Without autocast: 8 bits of mantissa are too few for the bounds of 255 steps.
        self.collected = self.add_weight(
            (count, 4), "zeros", trainable=False, autocast=False, name="collected"
        )
        self.learns = settings.ranges in ("lsq", "pact") and settings.quantize_training
        if self.learns:
            self.log_scale = self.add_weight((count, 2), "zeros", autocast=False, name=LOG_SCALE)
        left_out = settings.without_first
        self.always_left_out = [
            left_out != "auto" and matches(f"{part}/{name}", left_out) for name in self.found
        ]
        self.below = np.array([sites[name].below for name in self.found], np.float32)
        self.built = True

    def open(self, input_mask: Any, training: bool) -> At:
        """See `bertline.modeling.sites.Part`."""
        settings = self.of.settings
        collects, rounds = self.of.collects(training), self.of.rounds(training)
        if not collects and not rounds:
            return FLOAT
        return FoundAt(
            sites=self.sites,
            ranges=self.ranges() if rounds else {},
            active=self.of.active() if rounds else False,
            keep=ops.cast(input_mask, "bool") if collects else None,
            percentile=settings.percentile if settings.ranges == "percentile" else None,
            seen={},
            learns_step=settings.ranges == "lsq",
        )

    def collect(self, seen: Mapping[str, Any]) -> None:
        """Moves what was collected towards the bounds seen by a call."""
        if seen:
            new = ops.stack([seen[name] for name in self.found])
            rate = self.of.collection_rate()
            self.collected.assign(self.collected + rate * (new - self.collected))

    def ranges(self) -> dict[str, tuple[Any, Any]]:
        """Site → low and high, float32 scalars that a gradient goes back through."""
        if not self.found:
            return dict(self.fixed)
        bounds = ops.transpose(self._bounds())
        low, high = (ops.unstack(bounds[i], num=len(self.found)) for i in (0, 1))
        return self.fixed | {name: (low[i], high[i]) for i, name in enumerate(self.found)}

    def numbers(self) -> dict[str, Range]:
        """Site → low and high as they are now."""
        bounds = ops.convert_to_numpy(self._bounds()).tolist() if self.found else []
        return self.fixed | {
            n: (low, high) for n, (low, high) in zip(self.found, bounds, strict=True)
        }

    def _bounds(self) -> Any:
        """low, high [sites, 2]."""
        low, high, first_low, first_high = ops.unstack(
            ops.transpose(ops.convert_to_tensor(self.collected)), num=4
        )
        if self.of.settings.without_first == "auto":
            reach = ops.maximum(-low, high)
            left_out = ops.maximum(-first_low, first_high) > OUTLIER_RATIO * reach
        else:
            left_out = ops.convert_to_tensor(np.array(self.always_left_out, bool))
        low = ops.where(left_out, low, ops.minimum(low, first_low)) - self.below
        high = ops.where(left_out, high, ops.maximum(high, first_high))
        bounds = ops.stack([low, high], axis=1)
        if not self.learns:
            return bounds
        # The optimizer's steps do not depend on the size of a gradient, but the norm that all
        # gradients are clipped to does: the rate is left out of it.
        log_scale = self.log_scale + ops.stop_gradient((self.of.rate - 1.0) * self.log_scale)
        return bounds * ops.exp(log_scale)


@dataclass(frozen=True)
class FoundAt:
    """The sites of one part in one call; see `bertline.modeling.sites.At`.

    ranges: empty where nothing is rounded. keep: which tokens count [B, L], where the call is
    collected.
    """

    sites: Mapping[str, Site]
    ranges: Mapping[str, tuple[Any, Any]]
    active: Any
    keep: Any
    percentile: float | None
    seen: dict[str, Any]
    learns_step: bool
    prefix: str = ""

    @property
    def has_sites(self) -> bool:
        """Whether there are sites below the prefix."""
        return any(name.startswith(self.prefix) for name in self.sites)

    def __call__(self, name: str, x: Any) -> Any:
        """`x`, rounded if it is time; its bounds go into `seen`."""
        name = self.prefix + name
        if name not in self.sites:
            return x
        site = self.sites[name]
        if self.keep is not None and site.fixed is None:
            self.seen[name] = bounds_of(ops.cast(x, "float32"), site, self.keep, self.percentile)
        if name not in self.ranges:
            return x
        rounded = fake_quantize(x, *self.ranges[name], self.learns_step)
        if site.least is not None:
            rounded = ops.maximum(rounded, site.least)
        return self._when_active(rounded, lambda: x)

    def skip(self, name: str, x: Any) -> Any:
        """`x`."""
        return x

    def inside(self, name: str) -> "FoundAt":
        """See `At`."""
        return replace(self, prefix=f"{self.prefix}{name}/")

    def kernel(self, kernel: Any) -> Any:
        """The weights, rounded if it is time."""
        if not self.ranges:
            return kernel
        return self._when_active(fake_quantize_kernel(kernel), lambda: kernel)

    def scale_and_shift(self, x: Any, gamma: Any, beta: Any) -> Any:
        """See `At`."""
        return scale_and_shift(x, gamma, beta)

    def quantizes(self, name: str) -> bool:
        """Whether the site has a range or gets one."""
        return self.prefix + name in self.sites

    def in_integers(self, x: Any, otherwise: Callable[[], Any]) -> Any:
        """`x` if it is time."""
        return self._when_active(x, otherwise)

    def _when_active(self, x: Any, otherwise: Callable[[], Any]) -> Any:
        if isinstance(self.active, bool):
            return x if self.active else otherwise()
        return ops.where(self.active, x, otherwise())
