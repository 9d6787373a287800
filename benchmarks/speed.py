"""Tables and ratios of what benchmarks.runtimes measured."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.worker import Block

Blocks = Mapping[str, Sequence[Block]]
"""Contestant → its block of each round."""

CLOCKS = ("wall_ms", "cpu_ms")


@dataclass(frozen=True)
class Comparison:
    """Times per text of the contestant `over` by those of `under`; asked: what is asked of it."""

    text: str
    one_by_one: bool
    over: str
    under: str
    asked: str = ""


TORCH = "torch_float32"
OURS, NNCF = "openvino_int8", "nncf_int8"
SAME, STATIC = f"{NNCF} as ours", f"{NNCF} to 48"
FLOAT, DYNAMIC = "litert_float32", "litert_dynamic_int8"
COMPARISONS = (
    Comparison(f"ms per call: {OURS} / {NNCF}, same lengths", True, OURS, SAME, "≤ 1.03"),
    Comparison(f"ms per call: {OURS} / {NNCF}, real lengths", True, OURS, NNCF),
    Comparison(f"rate: {OURS} / {NNCF} padded to 48", False, STATIC, OURS, "≥ 2.5"),
    Comparison(f"rate: {OURS} / {NNCF}, real lengths", False, NNCF, OURS),
    Comparison("rate: LiteRT dynamic int8 / float32", False, FLOAT, DYNAMIC, "≥ 2.5"),
)


def ratio(blocks: Blocks, over: str, under: str, clock: str) -> float:
    """The median over the rounds of the times per text of `over` by those of `under`."""
    times = zip(_values(blocks[over], clock), _values(blocks[under], clock), strict=True)
    return statistics.median(above / below for above, below in times)


def median(blocks: Sequence[Block], name: str) -> float:
    """The median over the rounds of the value `name` of a block."""
    return statistics.median(_values(blocks, name))


def _values(blocks: Sequence[Block], name: str) -> list[float]:
    return [getattr(block, name) for block in blocks]


def latency_table(blocks: Blocks, base: str) -> list[str]:
    """Lines of times per call and how many times as fast as `base` they are."""
    lines = [f"{'one by one':22}{'p50 ms':>9}{'mean ms':>9}{'speed':>8}{'CPU ms':>9}{'speed':>8}"]
    for name, own in blocks.items():
        cells = [f"{median(own, 'call_ms_p50'):9.2f}"]
        for clock in CLOCKS:
            cells.append(f"{median(own, clock):9.2f}{ratio(blocks, base, name, clock):8.2f}")
        lines.append(f"{name:22}{''.join(cells)}")
    return lines


def throughput_table(blocks: Blocks, base: str) -> list[str]:
    """Lines of texts per second and how many times those of `base` they are."""
    lines = [f"{'in batches':22}{'per second':>12}{'ratio':>8}{'per CPU-second':>16}{'ratio':>8}"]
    for name, own in blocks.items():
        cells = []
        for clock, width in zip(CLOCKS, (12, 16), strict=True):
            rate = 1000 / median(own, clock)
            cells.append(f"{rate:{width},.0f}{ratio(blocks, base, name, clock):8.2f}")
        lines.append(f"{name:22}{''.join(cells)}")
    return lines


def comparison_table(latency: Blocks, throughput: Blocks) -> list[str]:
    """Lines of the COMPARISONS whose contestants are both there."""
    lines = [f"{'':50}{'wall':>8}{'CPU':>8}   asked"]
    for comparison in COMPARISONS:
        blocks = latency if comparison.one_by_one else throughput
        if comparison.over in blocks and comparison.under in blocks:
            over, under = comparison.over, comparison.under
            cells = [f"{ratio(blocks, over, under, clock):8.2f}" for clock in CLOCKS]
            lines.append(f"{comparison.text:50}{''.join(cells)}   {comparison.asked}".rstrip())
    return lines
