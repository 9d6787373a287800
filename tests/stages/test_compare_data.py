from pathlib import Path

import pytest

from bertline.artifacts import read_manifest
from bertline.drift.verdict import Drift
from bertline.errors import ConfigError, DataError
from bertline.examples import Example, TaggedText
from bertline.publishing.registry import roll_back
from bertline.stages.compare_data import Settings, run
from bertline.stages.execute import execute
from tests.drift.toy_profiles import write_examples
from tests.stages.toy_registry import publish_toy
from tests.storage.gcs_server import Cloud
from tests.toy_model import write_toy_spec

WORDS = ("jazz", "miles", "davis", "some", "by")


def utterances(verb: str, intent: str, count: int) -> list[Example]:
    """Different texts of one intent, all words of them in the toy vocabulary."""
    return [
        TaggedText(f"{intent}-{n}", f"{verb} {WORDS[n % 5]} {WORDS[n // 5 % 5]}", intent, ())
        for n in range(count)
    ]


PLAY, RATE = utterances("play", "PlayMusic", 10), utterances("rate", "RateBook", 10)
TEST = [*utterances("play some", "PlayMusic", 4), *utterances("rate some", "RateBook", 4)]
USUAL = {"train": [*PLAY, *RATE], "test": TEST}
MORE = {
    "train": [*utterances("play", "PlayMusic", 20), *utterances("rate", "RateBook", 20)],
    "test": TEST,
}


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    return write_examples(tmp_path / "usual", USUAL, "tagged_text")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What is needed of a model's folder to compare data."""
    folder = tmp_path / "model"
    folder.mkdir()
    write_toy_spec(folder)
    return folder


@pytest.fixture
def registry(tmp_path: Path, folder: Path, examples: Path) -> Path:
    """A registry whose one version has learnt from `examples`."""
    publish_toy(tmp_path / "registry/snips", folder, examples)
    return tmp_path / "registry"


def compare(registry: Path, splits: dict[str, list[Example]], **settings: object) -> Drift:
    fresh = write_examples(registry.parent / "fresh", splits, "tagged_text")
    drift = registry.parent / "drift"
    parsed = Settings.parse(settings, where="test")
    run(parsed, registry=registry, examples=fresh, drift=drift)
    found = Drift.read(drift)
    about = {"name": found.name, "champion": found.champion, "action": found.action}
    assert read_manifest(drift, "drift").about == about
    assert found.name in (drift / "drift.html").read_text()
    return found


def test_the_same_data_is_skipped(registry: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = compare(registry, USUAL)
    assert (found.action, found.seen_in, found.champion) == ("skip", 1, 1)
    assert capsys.readouterr().out == "SKIPPED: version 1 of snips has learnt from this data\n"
    assert compare(registry, USUAL, skip_unchanged=False).action == "train"


def test_more_of_the_same_is_trained_on(registry: Path) -> None:
    found = compare(registry, MORE)
    assert (found.action, found.seen_in) == ("train", None)
    assert found.reference is not None
    assert (found.reference.learnt.count, found.fresh.learnt.count) == (20, 40)


@pytest.mark.parametrize(
    ("train", "measure"),
    [
        ([*PLAY, *PLAY], "training: most frequent of intents"),
        ([*PLAY, *PLAY], "training: missing intents"),
        ([*PLAY, *RATE[:1] * 10], "training: duplicates"),
        ([*PLAY, *RATE[:-1], TaggedText("e", "\u200b", "RateBook", ())], "training: empty texts"),
        (
            [*PLAY, *(TaggedText(e.id, f"оцените {e.id}", "RateBook", ()) for e in RATE)],
            "training: unknown tokens",
        ),
        ([PLAY[0], RATE[0]], "training: fewer examples"),
        ([*PLAY, *RATE, *TEST], "test texts that are learnt from"),
    ],
)
def test_broken_data_is_refused(registry: Path, train: list[Example], measure: str) -> None:
    found = compare(registry, {"train": train, "test": TEST})
    assert found.action == "refuse"
    assert measure in {check.measure for check in found.checks if not check.passed}


def test_limits_are_settings(registry: Path) -> None:
    few = {"train": [*PLAY[:4], *RATE[:4]], "test": TEST}
    assert compare(registry, few).action == "refuse"
    assert compare(registry, few, limits={"maximum_loss": 0.6}).action == "train"


def test_a_first_run_has_nothing_to_compare_with(tmp_path: Path) -> None:
    found = compare(tmp_path / "registry", USUAL)
    assert (found.action, found.champion, found.reference) == ("train", None, None)
    assert found.fresh.learnt.unknown is None
    assert not (tmp_path / "registry").exists()


def test_the_name_chooses_the_champion(registry: Path) -> None:
    assert compare(registry, USUAL, name="other").champion is None


def test_data_of_a_version_that_was_rolled_back_is_skipped(registry: Path, folder: Path) -> None:
    more = write_examples(registry.parent / "more", MORE, "tagged_text")
    assert publish_toy(registry / "snips", folder, more) == 2
    roll_back(registry / "snips")
    found = compare(registry, MORE)
    assert (found.action, found.champion, found.seen_in) == ("skip", 1, 2)
    assert compare(registry, USUAL).seen_in == 1


def test_a_version_without_a_profile_is_a_champion_too(registry: Path, folder: Path) -> None:
    assert publish_toy(registry / "snips", folder) == 2
    found = compare(registry, USUAL)
    assert (found.action, found.champion, found.reference) == ("train", 2, None)
    assert found.fresh.learnt.unknown == 0


def test_a_damaged_registry_is_told(registry: Path) -> None:
    (registry / "snips/1/profile.json").write_text("{")
    with pytest.raises(DataError, match=r"snips/1/profile\.json: damaged .*; bring back a whole"):
        compare(registry, USUAL)
    assert not (registry.parent / "drift").exists()


def test_a_registry_in_a_bucket(cloud: Cloud, tmp_path: Path, folder: Path, examples: Path) -> None:
    model = "gs://data/models/snips"
    more = write_examples(tmp_path / "more", MORE, "tagged_text")
    broken = write_examples(tmp_path / "broken", {"train": PLAY, "test": TEST}, "tagged_text")

    def found(fresh: Path) -> tuple[str, int | None, int | None]:
        drift = tmp_path / "drift"
        paths = {"examples": str(fresh), "drift": str(drift)}
        execute("compare_data", "{}", registry="gs://data/models/", **paths)
        found = Drift.read(drift)
        return found.action, found.champion, found.seen_in

    assert found(examples) == ("train", None, None)
    assert publish_toy(model, folder, examples) == 1
    assert found(examples) == ("skip", 1, 1)
    assert found(broken) == ("refuse", 1, None)
    assert found(more) == ("train", 1, None)
    assert publish_toy(model, folder, more) == 2
    assert roll_back(model) == 1
    assert found(more) == ("skip", 1, 2)


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"'limits\.maximum_dup'; did you mean 'maximum_dup"):
        Settings.parse({"limits": {"maximum_dup": 0.5}}, where="compare_data")
