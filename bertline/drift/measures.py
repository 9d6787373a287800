"""How far two distributions lie apart."""

import math
from collections.abc import Iterable, Mapping


def js_distance(first: Mapping[str, int], second: Mapping[str, int]) -> float:
    """The Jensen–Shannon distance of two counts by name: 0 for equal shares, 1 for no overlap.

    The square root of the divergence of Lin, "Divergence measures based on the Shannon entropy"
    (1991), with logarithms of base 2; a metric by Endres and Schindelin, "A new metric for
    probability distributions" (2003). Counts without any example are at 0 from one another and at
    1 from all others.
    """
    totals = sum(first.values()), sum(second.values())
    if not all(totals):
        return float(any(totals))
    shares = [
        (first.get(name, 0) / totals[0], second.get(name, 0) / totals[1])
        for name in {**first, **second}
    ]
    mixed = entropy((one + other) / 2 for one, other in shares)
    each = entropy(one for one, _ in shares) + entropy(other for _, other in shares)
    return math.sqrt(max(mixed - each / 2, 0.0))


def entropy(shares: Iterable[float]) -> float:
    """Shannon's entropy in bits of shares that add up to 1."""
    return -sum(share * math.log2(share) for share in shares if share)


def majority(counts: Mapping[str, int]) -> float:
    """The share of the most frequent name, in 0 … 1; 0 of nothing."""
    return max(counts.values(), default=0) / (sum(counts.values()) or 1)


def missing(reference: Mapping[str, int], fresh: Mapping[str, int]) -> float:
    """The share that names without a count in `fresh` have in `reference`, in 0 … 1."""
    gone = sum(count for name, count in reference.items() if not fresh.get(name))
    return gone / (sum(reference.values()) or 1)
