import math
from pathlib import Path
from typing import Annotated, Any

import pydantic
import pytest

from bertline.config import Config, nearest
from bertline.errors import ConfigError

Count = Annotated[int, pydantic.Field(gt=0)]


class Inner(Config):
    depth: int = 1


class Settings(Config):
    """Made for these tests: a value of each kind that configurations hold."""

    name: str
    num_epochs: int = 3
    learning_rate: float = 1e-4
    labels: tuple[str, ...] = ()
    inner: Inner = Inner()
    named: dict[str, Inner] = {}
    several: tuple[Inner, ...] = ()
    maybe: Inner | None = None
    either: int | str = 0
    counts: dict[str, Count] = {}

    @pydantic.field_validator("labels")
    @classmethod
    def _are_short(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(label) > 3 for label in labels):
            raise ValueError("labels have up to 3 letters")
        return labels


def test_integers_are_floats_and_lists_are_tuples() -> None:
    values = {"name": "a", "learning_rate": 1, "labels": ["x", "y"], "inner": {"depth": 2}}
    settings = Settings.parse(values, where="here")
    assert settings == Settings(
        name="a", learning_rate=1.0, labels=("x", "y"), inner=Inner(depth=2)
    )
    assert isinstance(settings.learning_rate, float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "here: key 'name' is missing; give it a value"),
        ({"name": "a", "num_epoch": 2}, "unknown key 'num_epoch'; did you mean 'num_epochs'?"),
        ({"name": "a", "zzz": 2}, "unknown key 'zzz'; known: name, num_epochs, learning_rate"),
        ({"name": 3}, "key 'name' = 3: Input should be a valid string"),
        ({"name": "a", "num_epochs": 2.5}, "key 'num_epochs' = 2.5: Input should be a valid int"),
        (
            {"name": "a", "learning_rate": math.inf},
            "key 'learning_rate' = inf: Input should be a f",
        ),
        (
            {"name": "a", "learning_rate": math.nan},
            "key 'learning_rate' = nan: Input should be a f",
        ),
        ({"name": "a", "num_epochs": math.inf}, "key 'num_epochs' = inf: Input should be a"),
        ({"name": "a", "num_epochs": "2"}, "key 'num_epochs' = '2'"),
        ({"name": "a", "num_epochs": True}, "key 'num_epochs' = True"),
        ({"name": "a", "inner": {"depth": "x"}}, "key 'inner.depth' = 'x'"),
        ({"name": "a", "inner": {"dept": 1}}, "key 'inner.dept'; did you mean 'depth'?"),
        ({"name": "a", "named": {"x": {"dept": 1}}}, "'named.x.dept'; did you mean 'depth'?"),
        ({"name": "a", "several": [{"dept": 1}]}, "'several.0.dept'; did you mean 'depth'?"),
        ({"name": "a", "maybe": {"dept": 1}}, "key 'maybe.dept'; did you mean 'depth'?"),
        ({"name": "a", "labels": ["long"]}, "key 'labels' = ['long']: labels have up to 3 letters"),
        ({"name": "a", "either": 1.5}, "here: key 'either' = 1.5: Input should be"),
        ({"name": "a", "either": []}, "here: key 'either' = []: Input should be"),
        ({"name": "a", "counts": {"x": 0}}, "here: key 'counts.x' = 0: Input should be greater"),
        ({"name": "a", "z" * 5000: 2}, f"here: unknown key '{'z' * 79}; known: name"),
        ({"name": ["x" * 5000]}, f"here: key 'name' = ['{'x' * 78}: Input should be a valid str"),
        ({"name": Path("a")}, "here: Object of type PosixPath is not JSON serializable"),
    ],
)
def test_the_first_problem_is_told_in_one_line(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        Settings.parse(values, where="here")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_json_comes_back_equal() -> None:
    settings = Settings(name="é", labels=("x",))
    assert Settings.parse_json(settings.to_json(), where="here") == settings


@pytest.mark.parametrize("text", ["{", "[1]", '"a"', "null"])
def test_what_is_no_json_object_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^here: (not JSON .*; )?expected an? "):
        Settings.parse_json(text, where="here")


def test_json_that_python_cannot_hold_is_told() -> None:
    with pytest.raises(ConfigError, match="^here: JSON that is nested too deeply$"):
        Settings.parse_json("[" * 100_000, where="here")
    with pytest.raises(ConfigError, match="^here: not JSON .*4300 digits.*expected an object$"):
        Settings.parse_json(f'{{"num_epochs": {"9" * 5000}}}', where="here")
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ConfigError, match="^here: nested too deeply; make it flatter$"):
        Settings.parse({"name": deep}, where="here")


def test_a_configuration_does_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings(name="a").name = "b"  # type: ignore[misc]


def test_nearest() -> None:
    assert nearest("finetun", ["ingest", "finetune"]) == "did you mean 'finetune'?"
    assert nearest("x", ["ingest", "finetune"]) == "known: ingest, finetune"


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity"])
def test_json_s_numbers_are_finite(number: str) -> None:
    with pytest.raises(ConfigError, match="key 'learning_rate' = .*: Input should be a finite"):
        Settings.parse_json(f'{{"name": "a", "learning_rate": {number}}}', where="here")
