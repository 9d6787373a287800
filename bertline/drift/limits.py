"""Measures of fresh data against what it may be like."""

from collections.abc import Iterator

from bertline.config import Config
from bertline.drift.measures import js_distance, majority, missing
from bertline.drift.profile import Profile, Share, Side


class Limits(Config):
    """What fresh data may be like; shares and distances in 0 … 1.

    Beyond these it is refused, unless the champion's data was as far beyond. maximum_empty,
    maximum_duplicates: of the texts of a side. maximum_leaked: of the test texts, those that are
    learnt from too.

    With a champion's data to compare with, it is refused beyond these too. maximum_majority: of a
    kind's most frequent label, unless the champion's was as large. maximum_missing: share in the
    champion's data of the labels that no example bears now. maximum_unknown_rise: by which the
    share of tokens that the champion's vocabulary lacks may grow. maximum_loss: of the champion's
    number of training examples.

    Beyond these it has drifted, which is told and stops nothing. label_distance, length_distance:
    Jensen–Shannon distances; two samples of some hundred texts from one source lie up to 0.1 apart.
    """

    maximum_empty: Share = 0.0
    maximum_duplicates: Share = 0.3
    maximum_leaked: Share = 0.1
    maximum_majority: Share = 0.95
    maximum_missing: Share = 0.0
    maximum_unknown_rise: Share = 0.02
    maximum_loss: Share = 0.5
    label_distance: Share = 0.15
    length_distance: Share = 0.15


class DataCheck(Config):
    """One measure of fresh data, which passes if it is at most `bound`.

    champion: the same of the champion's data, where that has a value of its own. refuses: whether
    failing is a reason not to train. is_share: shown in percent.
    """

    measure: str
    champion: float | None
    fresh: float
    bound: float
    refuses: bool
    is_share: bool = True
    detail: str = ""

    @property
    def passed(self) -> bool:
        """Whether the fresh data is within the bound."""
        return self.fresh <= self.bound

    @property
    def text(self) -> str:
        """The measure with its values in one line."""
        before = "" if self.champion is None else f", {self.shown(self.champion)} before"
        detail = f" ({self.detail})" if self.detail else ""
        allowed = "is allowed" if self.refuses else "counts as the same"
        fresh, bound = self.shown(self.fresh), self.shown(self.bound)
        return f"{self.measure}: {fresh}{before}{detail}; at most {bound} {allowed}"

    def shown(self, value: float) -> str:
        """A value of this measure for people."""
        return f"{100 * value:.4g} %" if self.is_share else f"{value:.3f}"


def check_data(limits: Limits, fresh: Profile, reference: Profile | None) -> tuple[DataCheck, ...]:
    """All checks of fresh data; without a reference those that need none."""
    learnt, test = (reference.learnt, reference.test) if reference else (None, None)
    checks = [
        *_of_side(limits, "training", fresh.learnt, learnt),
        *_of_side(limits, "test", fresh.test, test),
        _refusal(
            "test texts that are learnt from",
            fresh.leaked,
            limits.maximum_leaked,
            reference.leaked if reference else None,
        ),
    ]
    if learnt:
        checks += _of_losses(limits, fresh.learnt, learnt)
    return tuple(checks)


def _of_side(limits: Limits, side: str, fresh: Side, known: Side | None) -> Iterator[DataCheck]:
    empty, duplicates = (known.empty, known.duplicates) if known else (None, None)
    yield _refusal(f"{side}: empty texts", fresh.empty, limits.maximum_empty, empty)
    yield _refusal(f"{side}: duplicates", fresh.duplicates, limits.maximum_duplicates, duplicates)
    if known is None:
        return
    if fresh.unknown is not None and known.unknown is not None:
        bound = min(known.unknown + limits.maximum_unknown_rise, 1.0)
        yield _refusal(f"{side}: unknown tokens", fresh.unknown, bound, known.unknown)
    yield _distance(f"{side}: lengths", limits.length_distance, known.lengths, fresh.lengths)
    for kind, labels in known.labels.items():
        found = fresh.labels.get(kind, {})
        share, before = majority(found), majority(labels)
        yield _refusal(f"{side}: most frequent of {kind}", share, limits.maximum_majority, before)
        yield _distance(f"{side}: {kind}", limits.label_distance, labels, found)


def _of_losses(limits: Limits, fresh: Side, known: Side) -> Iterator[DataCheck]:
    lost = max(1 - fresh.count / known.count, 0.0) if known.count else 0.0
    detail = f"{fresh.count:,} of {known.count:,} are there"
    yield _refusal("training: fewer examples", lost, limits.maximum_loss, detail=detail)
    for kind, labels in known.labels.items():
        found = fresh.labels.get(kind, {})
        names = ", ".join(name for name in labels if name not in found)
        share = missing(labels, found)
        yield _refusal(f"training: missing {kind}", share, limits.maximum_missing, detail=names)


def _refusal(
    measure: str, fresh: float, limit: float, champion: float | None = None, detail: str = ""
) -> DataCheck:
    bound = max(limit, champion or 0.0)
    return DataCheck(
        measure=measure, champion=champion, fresh=fresh, bound=bound, refuses=True, detail=detail
    )


def _distance(
    measure: str, limit: float, known: dict[str, int], fresh: dict[str, int]
) -> DataCheck:
    return DataCheck(
        measure=f"{measure}, Jensen–Shannon distance",
        champion=None,
        fresh=js_distance(known, fresh),
        bound=limit,
        refuses=False,
        is_share=False,
    )
