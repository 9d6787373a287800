"""The smallest set of sites that have to stay float for a file to be good enough."""

from collections.abc import Callable, Collection, Sequence

from bertline.evaluation.bench import Bench
from bertline.evaluation.checks import DECIMALS
from bertline.evaluation.sensitivity import SiteCost, Trial
from bertline.export.sites import groups_of, is_among
from bertline.export.tflite import read_content

Told = Callable[[str], object]


def measure_sites(bench: Bench, told: Told = lambda site: None) -> tuple[float, list[SiteCost]]:
    """The divergence of a file with int8 weights alone, and the costs, the largest first.

    Single sites are measured where they may be quantized, whole kinds where they always stay float.
    told: called with each that is done.
    """
    everything = set(groups_of(read_content(bench.source), bench.sites))
    sites = {site for site in everything if not is_among(site, bench.sites.float_kinds)}
    kinds = {site.rpartition("/")[2] for site in everything - sites}
    base, _ = bench.measure(everything)
    costs = []
    for name in (*sorted(sites), *sorted(kinds)):
        diverges, drops = bench.measure(
            {site for site in everything if not is_among(site, (name,))}
        )
        costs.append(SiteCost(site=name, divergence=diverges, drops=drops))
        told(name)
    return base, sorted(costs, key=lambda cost: -cost.divergence)


def select_float_sites(
    bench: Bench, costs: Sequence[SiteCost], max_drop: float, told: Told = lambda site: None
) -> tuple[list[Trial], tuple[str, ...] | None]:
    """What was tried, and the sites to leave float beside float_kinds; None if nothing helps.

    Sites are taken greedily, the costliest first, and their number is found by bisection; every
    file on the way is measured. max_drop: points that no metric may lose. told: called with each
    trial.
    """
    always = bench.sites.float_kinds
    names = [cost.site for cost in costs if not is_among(cost.site, always)]
    trials: dict[int, Trial] = {}

    def passes(count: int) -> bool:
        if count not in trials:
            trials[count] = _trial(bench, names[:count], max_drop)
            told(f"{count} sites float")
        return trials[count].passed

    if passes(0):
        return list(trials.values()), ()
    if not passes(len(names)):
        return list(trials.values()), None
    failing, passing = 0, len(names)
    while passing - failing > 1:
        middle = (failing + passing) // 2
        failing, passing = (failing, middle) if passes(middle) else (middle, passing)
    return list(trials.values()), tuple(names[:passing])


def _trial(bench: Bench, names: Collection[str], max_drop: float) -> Trial:
    _, drops = bench.measure((*bench.sites.float_kinds, *names))
    passed = all(round(drop - max_drop, DECIMALS) <= 0 for drop in drops.values())
    return Trial(float_sites=tuple(names), drops=drops, passed=passed)
