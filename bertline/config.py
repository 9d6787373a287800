"""Frozen, typed configuration objects and the one way to make them from plain data."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Self, get_args

import pydantic

from bertline.errors import ConfigError

PYDANTIC_WORDS = re.compile(r"^Value error, | after validation")
Seed = Annotated[int, pydantic.Field(ge=0, lt=2**32)]
"""What all random generators take: NumPy's, Keras' and TensorFlow's."""


def matching(pattern: str, expected: str) -> pydantic.AfterValidator:
    """What makes an annotated str one that `pattern` matches as a whole; `expected`: in words."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"expected {expected}")
        return value

    return pydantic.AfterValidator(check)


class Config(pydantic.BaseModel):
    """Base of every configuration: immutable, strictly typed, finite, without unknown keys.

    Integers are accepted for floats and lists for tuples, as YAML and JSON write them; nothing
    else is converted.
    """

    model_config = pydantic.ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False
    )

    @classmethod
    def parse(cls, values: Mapping[str, Any], where: str) -> Self:
        """The configuration made from `values`.

        `where` names the place of the values in messages ("recipe snips.yaml: finetune").
        Raises ConfigError with the first problem: an unknown key (and the nearest known one), a
        missing key, a value of the wrong type or out of range.
        """
        try:
            return cls.model_validate_json(json.dumps(values))
        except RecursionError:
            raise ConfigError(f"{where}: nested too deeply; make it flatter") from None
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{where}: {cls._first_problem(error, values)}") from None

    @classmethod
    def parse_json(cls, text: str, where: str) -> Self:
        """The configuration made from the text of a JSON object; raises ConfigError."""
        try:
            values = json.loads(text)
        except RecursionError:
            raise ConfigError(f"{where}: JSON that is nested too deeply") from None
        except ValueError as error:
            problem = str(error).partition(";")[0]  # the rest is advice to Python programmers
            raise ConfigError(f"{where}: not JSON ({problem}); expected an object") from None
        if not isinstance(values, dict):
            raise ConfigError(f"{where}: expected a JSON object, got {text[:60]!r}")
        return cls.parse(values, where)

    def to_json(self) -> str:
        """The configuration as one line of JSON, keys in the order of declaration."""
        return self.model_dump_json()

    @classmethod
    def _first_problem(cls, error: Exception, values: Mapping[str, Any]) -> str:
        if not isinstance(error, pydantic.ValidationError):
            return str(error)
        # A misspelt key that is required is missing too: what is unknown is told first.
        problem = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        *place, last = problem["loc"]
        is_missing = problem["type"] == "missing"
        keys = [*_keys_of(problem["loc"], values), *([str(last)] if is_missing else [])]
        key = f"{'.'.join(keys)!r:.80}"
        if problem["type"] == "extra_forbidden":
            return f"unknown key {key}; {nearest(str(last), cls._keys(place))}"
        if is_missing:
            return f"key {key} is missing; give it a value"
        message = PYDANTIC_WORDS.sub("", problem["msg"])
        return f"key {key} = {problem['input']!r:.80}: {message}"

    @classmethod
    def _keys(cls, place: Sequence[int | str]) -> list[str]:
        """The known keys of the configuration at a place inside this one."""
        kind: Any = cls
        for part in place:
            kind = _inside(kind, part)
        return list(kind.model_fields) if _is_config(kind) else []


def _keys_of(place: Sequence[int | str], values: Any) -> Iterator[str]:
    """The keys and numbers that lead to a place in `values`.

    Left out is what is not there: the names of types that pydantic adds where a value may be of
    several.
    """
    for part in place:
        try:
            values = values[part]
        except (IndexError, KeyError, TypeError):
            continue
        yield str(part)


def _inside(kind: Any, part: int | str) -> Any:
    """The type of what lies under `part` in a value of type `kind`; None if that is not known."""
    if not _is_config(kind):
        return _config_in(kind)
    field = kind.model_fields.get(part)
    annotation = field and field.annotation
    return _config_in(annotation) if isinstance(annotation, UnionType) else annotation


def _config_in(kind: Any) -> Any:
    """The configuration that a type such as dict[str, X], tuple[X, ...] or X | None holds."""
    return next((each for each in get_args(kind) if _is_config(each)), None)


def _is_config(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Config)


def nearest(key: str, known: Mapping[str, Any] | list[str]) -> str:
    """A remedy for an unknown key: 'did you mean X?' or the list of the known keys."""
    matches = difflib.get_close_matches(key, list(known), n=1)
    return f"did you mean {matches[0]!r}?" if matches else f"known: {', '.join(known)}"
