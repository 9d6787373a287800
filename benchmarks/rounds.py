"""Contestants that take turns within one process, and the table of their rates."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

Seconds = dict[str, list[tuple[float, float]]]
"""Contestant → wall and CPU seconds of each round."""


def measure(contestants: Mapping[str, Callable[[], object]], rounds: int) -> Seconds:
    """Seconds of each contestant in `rounds` rounds of alternating order, after one that warms up.

    CPU seconds are those of the whole process, all of its threads together.
    """
    seconds: Seconds = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name in in_turn(list(contestants), number):
            wall, cpu = time.perf_counter(), time.process_time()
            contestants[name]()
            taken = time.perf_counter() - wall, time.process_time() - cpu
            if number:
                seconds[name].append(taken)
    return seconds


def in_turn(names: Sequence[str], number: int) -> list[str]:
    """The order of round `number`: every other one is reversed, so that nobody is always first."""
    return list(names if number % 2 else reversed(names))


def table(seconds: Seconds, count: int, base: str) -> list[str]:
    """Lines of median rates, `count` being done in each round, by wall and by CPU time.

    The ratios to `base` are medians of those within a round.
    """
    lines = [f"{'':18}{'per second':>12}{'ratio':>8}{'per CPU-second':>17}{'ratio':>8}"]
    for name, times in seconds.items():
        cells = []
        for clock, width in ((0, 12), (1, 17)):
            rate = statistics.median(count / time[clock] for time in times)
            pairs = zip(seconds[base], times, strict=True)
            ratio = statistics.median(first[clock] / time[clock] for first, time in pairs)
            cells.append(f"{rate:>{width},.0f}{ratio:>8.2f}")
        lines.append(f"{name:18}{''.join(cells)}")
    return lines
