"""The search, on a made-up bench whose drops are sums of what each quantized site costs."""

from collections.abc import Collection
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bertline.evaluation.float_sites import select_float_sites
from bertline.evaluation.sensitivity import SiteCost
from bertline.modeling.families.bert.sites import SITES

COSTS = {
    "layer_0/output_sum": 2.0,
    "layer_1/output": 0.75,
    "layer_0/output": 0.5,
    "embeddings": 0.1,
}


class Sums:
    """Stands for a Bench."""

    sites = SITES

    def __init__(self, costs: dict[str, float], rest: float = 0.0) -> None:
        self.costs, self.rest = costs, rest
        self.measured = 0

    def measure(self, float_sites: Collection[str]) -> tuple[float, dict[str, float]]:
        self.measured += 1
        drop = sum(cost for site, cost in self.costs.items() if site not in float_sites)
        return 0.0, {"slot_f1": drop + self.rest, "intent_accuracy": 0.0}


def search(bench: Any, max_drop: float) -> tuple[list[Any], tuple[str, ...] | None]:
    ranked = sorted(bench.costs.items(), key=lambda item: -item[1])
    ranked.insert(1, ("layer_0/softmax", 1.0))  # always float, so nothing to choose
    sites = [SiteCost(site=site, divergence=cost, drops={}) for site, cost in ranked]
    return select_float_sites(bench, sites, max_drop)


def test_the_costliest_sites_are_left_float_and_no_more() -> None:
    trials, chosen = search(Sums(COSTS), max_drop=0.6)
    assert chosen == ("layer_0/output_sum", "layer_1/output")
    assert [(len(trial.float_sites), trial.passed) for trial in trials] == [
        (0, False),
        (4, True),
        (2, True),
        (1, False),
    ]
    assert trials[3].drops["slot_f1"] == 0.75 + 0.5 + 0.1


def test_nothing_is_left_float_without_need() -> None:
    trials, chosen = search(Sums(COSTS), max_drop=5)
    assert chosen == ()
    assert len(trials) == 1


def test_where_nothing_helps_it_is_said_so() -> None:
    trials, chosen = search(Sums(COSTS, rest=1.0), max_drop=0.5)
    assert chosen is None
    assert [trial.passed for trial in trials] == [False, False]


@given(st.lists(st.floats(0.01, 3), min_size=1, max_size=40), st.floats(0, 10))
def test_one_site_less_would_be_beyond_the_budget(costs: list[float], max_drop: float) -> None:
    bench = Sums({f"layer_{number}/output": cost for number, cost in enumerate(costs)})
    _, chosen = search(bench, max_drop)
    assert chosen is not None
    drops = [bench.measure(chosen[:count])[1]["slot_f1"] for count in range(len(chosen) + 1)]
    assert drops[-1] <= max_drop + 1e-8
    assert all(drop > max_drop for drop in drops[:-1])
    assert bench.measured <= 2 + 6 + len(drops)
