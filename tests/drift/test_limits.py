from typing import Any

import pytest

from bertline.config import Config
from bertline.drift.limits import DataCheck, Limits, check_data
from bertline.drift.profile import Profile
from bertline.errors import ConfigError
from tests.drift.toy_profiles import make_profile, make_side


def failed(fresh: Profile, reference: Profile | None, **limits: float) -> list[str]:
    checks = check_data(Limits.parse(limits, where="test"), fresh, reference)
    return [check.text for check in checks if not check.passed]


def test_data_like_the_champion_s_passes_all_checks() -> None:
    checks = check_data(Limits(), make_profile(content="bbb"), make_profile())
    assert all(check.passed for check in checks)
    assert [check.measure for check in checks] == [
        *(
            f"{side}: {measure}"
            for side in ("training", "test")
            for measure in (
                "empty texts",
                "duplicates",
                "unknown tokens",
                "lengths, Jensen–Shannon distance",
                "most frequent of classes",
                "classes, Jensen–Shannon distance",
            )
        ),
        "test texts that are learnt from",
        "training: fewer examples",
        "training: missing classes",
    ]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"empty": 0.02},
            "training: empty texts: 2 %, 0 % before; at most 0 % is allowed",
        ),
        (
            {"duplicates": 0.31},
            "training: duplicates: 31 %, 10 % before; at most 30 % is allowed",
        ),
        (
            {"unknown": 0.04},
            "training: unknown tokens: 4 %, 1 % before; at most 3 % is allowed",
        ),
        (
            {"labels": {"classes": {"bad": 4, "good": 96}}},
            "training: most frequent of classes: 96 %, 60 % before; at most 95 % is allowed",
        ),
        (
            {"count": 49},
            "training: fewer examples: 51 % (49 of 100 are there); at most 50 % is allowed",
        ),
        (
            {"labels": {"classes": {"fair": 40, "good": 60}}},
            "training: missing classes: 40 % (bad); at most 0 % is allowed",
        ),
        (
            {"lengths": {"8": 10, "16": 90}},
            # M = (0.3, 0.7): H(M) − (H(½) + H(0.1))/2 = 0.8813 − (1 + 0.4690)/2; its square root
            "training: lengths, Jensen–Shannon distance: 0.383; at most 0.150 counts as the same",
        ),
    ],
)
def test_what_is_beyond_a_bound_is_told(changes: dict[str, Any], text: str) -> None:
    assert text in failed(make_profile(make_side(**changes)), make_profile())


def test_labels_that_collapsed_to_one_fail_in_every_way() -> None:
    collapsed = make_side(labels={"classes": {"good": 100}})
    found = failed(make_profile(collapsed, collapsed), make_profile())
    assert [text.partition(": ")[2].partition(":")[0] for text in found] == [
        "most frequent of classes",
        "classes, Jensen–Shannon distance",
        "most frequent of classes",
        "classes, Jensen–Shannon distance",
        "missing classes",
    ]


def test_a_bound_gives_way_to_what_the_champion_s_data_was_like() -> None:
    odd = make_side(duplicates=0.6, empty=0.1, labels={"classes": {"bad": 1, "good": 99}})
    reference = make_profile(odd, leaked=0.4)
    assert failed(make_profile(odd, leaked=0.4), reference) == []
    worse = make_profile(odd, leaked=0.41)
    (text,) = failed(worse, reference)
    assert text == "test texts that are learnt from: 41 %, 40 % before; at most 40 % is allowed"


def test_without_a_champion_only_what_needs_none_is_checked() -> None:
    fresh = make_profile(make_side(duplicates=0.4, unknown=None), leaked=0.2)
    assert failed(fresh, None) == [
        "training: duplicates: 40 %; at most 30 % is allowed",
        "test texts that are learnt from: 20 %; at most 10 % is allowed",
    ]
    assert failed(fresh, None, maximum_duplicates=0.4, maximum_leaked=0.2) == []


def test_more_examples_are_no_loss() -> None:
    assert failed(make_profile(make_side(count=1000)), make_profile()) == []


def test_a_check_is_read_back() -> None:
    check = DataCheck(measure="x", champion=None, fresh=0.1, bound=0.2, refuses=True)
    assert DataCheck.parse_json(check.to_json(), where="test") == check


def test_limits_are_shares() -> None:
    settings: type[Config] = Limits
    with pytest.raises(ConfigError, match="'maximum_empty' = 5"):
        settings.parse({"maximum_empty": 5}, where="limits")
