import html
import re
from pathlib import Path

from bertline.drift.limits import Limits, check_data
from bertline.drift.profile import Profile
from bertline.drift.report import render_drift
from bertline.drift.verdict import Drift
from tests.drift.toy_profiles import make_profile, make_side

BROKEN = make_profile(make_side(empty=0.5, labels={"classes": {"<good>": 100}}))


def make_drift(
    fresh: Profile, reference: Profile | None = None, seen_in: int | None = None
) -> Drift:
    return Drift(
        name="reviews",
        champion=3 if reference else None,
        seen_in=seen_in,
        checks=check_data(Limits(), fresh, reference),
        fresh=fresh,
        reference=reference,
    )


def shown(drift: Drift) -> str:
    """The words of the page, cells apart."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", render_drift(drift))).split())


def test_like_data_is_trained_on() -> None:
    drift = make_drift(make_profile(content="bbb"), make_profile())
    assert drift.action == "train"
    assert list(drift.lines()) == ["data accepted: 15 checks; compared with that of version 3"]
    first = make_drift(make_profile())
    assert list(first.lines()) == ["data accepted: 5 checks"]


def test_drift_stops_nothing() -> None:
    drift = make_drift(make_profile(make_side(lengths={"8": 1, "16": 99})), make_profile())
    assert drift.action == "train"
    assert [line[:38] for line in drift.lines()][1:] == ["  drifted: training: lengths, Jensen–S"]


def test_broken_data_is_refused_with_all_reasons() -> None:
    drift = make_drift(BROKEN, make_profile())
    assert drift.action == "refuse"
    lines = list(drift.lines())
    assert lines[0] == "DATA REFUSED, for 3 reasons; version 3 stays in use:"
    assert lines[1] == "  training: empty texts: 50 %, 0 % before; at most 0 % is allowed"
    assert lines[-1].startswith("  drifted: ")


def test_seen_data_is_skipped_whatever_it_is_like() -> None:
    drift = make_drift(BROKEN, make_profile(), seen_in=3)
    assert drift.action == "skip"
    assert next(drift.lines()) == "SKIPPED: version 3 of reviews has learnt from this data"
    lines = list(make_drift(make_profile(), make_profile(), seen_in=4).lines())
    assert lines == [
        "SKIPPED: version 4 of reviews has learnt from this data",
        "  it was rolled back; version 3 stays in use",
    ]


def test_it_is_read_back(tmp_path: Path) -> None:
    drift = make_drift(BROKEN, make_profile())
    drift.write(tmp_path)
    assert Drift.read(tmp_path) == drift


def test_the_page_shows_checks_and_shares() -> None:
    text = shown(make_drift(BROKEN, make_profile()))
    assert "DATA REFUSED, for 3 reasons" in text
    assert "training: empty texts 0 % 50 % 0 % refused fail" in text
    assert "training: missing classes bad, good – 100 % 0 % refused fail" in text
    assert "<good> 0.00 100.00" in text
    assert "lengths in characters, from version in use fresh 8 50.00 50.00" in text


def test_the_page_loads_nothing() -> None:
    page = render_drift(make_drift(BROKEN, make_profile()))
    assert not re.search(r"(src|href)=|url\(|@import|<script|<link|<good>", page)


def test_the_page_of_a_first_run() -> None:
    text = shown(make_drift(make_profile()))
    assert "100 training and 100 test examples data accepted" in text
    assert "bad – 40.00" in text
