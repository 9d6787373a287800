"""YAML of recipes, targets and --set: what it says in YAML 1.2, and nothing that surprises.

PyYAML reads YAML 1.1, in which 010 is 8, 1:30 is 90 and `no` is false, and of a repeated key keeps
the last value. Here plain words are what they are in the core schema of YAML 1.2, repeated keys and
numbers with leading zeros are refused, and so is what is nested or repeated without end.
"""

import re
from collections.abc import Hashable
from typing import Any

import yaml

MAX_DEPTH = 50
MAX_VALUES = 10_000
"""Of a document, those of its aliases counted as often as they are named."""
MAX_DIGITS = 40

PLAIN = {
    "null": (r"~|null|Null|NULL|", "~nN\0"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    "merge": (r"<<", "<"),
}
"""Tag → what a plain word of it looks like, and the characters that it may begin with."""


class _Loader(yaml.SafeLoader):
    """A SafeLoader with the rules above."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def get_single_data(self) -> Any:
        """The document's value; raises ConstructorError where it is too large once expanded."""
        node = self.get_single_node()
        if node is None:
            return None
        _count(node, 0, {})
        return self.construct_document(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping none of whose keys is there twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _error(f"the key {key.value!r:.60} is there twice", key)
                seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """A whole number as it is written; hexadecimal after 0x."""
        text = node.value
        if len(text) > MAX_DIGITS:
            raise _error(f"a number of {len(text):,} characters", node)
        if re.fullmatch(r"[-+]?0[0-9]+", text):
            plain = text.lstrip("-+").lstrip("0") or "0"
            raise _error(f"{text}: leave out the leading zeros ({plain}), or quote it", node)
        return int(text, 0)


for _tag, (_pattern, _first) in PLAIN.items():
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}",
        re.compile(rf"(?:{_pattern})\Z"),
        [letter if letter != "\0" else "" for letter in _first],
    )
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


class _Dumper(yaml.SafeDumper):
    """A SafeDumper that quotes what YAML 1.1 or 1.2 would read as something else than a text."""

    yaml_implicit_resolvers = {
        letter: [
            *yaml.SafeDumper.yaml_implicit_resolvers.get(letter, []),
            *_Loader.yaml_implicit_resolvers.get(letter, []),
        ]
        for letter in {*yaml.SafeDumper.yaml_implicit_resolvers, *_Loader.yaml_implicit_resolvers}
    }


def parse_yaml(text: str) -> Any:
    """The plain value written in `text`; raises ValueError with line and problem, in one line."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except RecursionError:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(f"{place}{error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


def write_yaml(value: Any) -> str:
    """`value` as YAML that both PyYAML and `parse_yaml` read, keys in their order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


def _count(node: yaml.Node, depth: int, known: dict[int, int]) -> int:
    """How many values a node is made of; raises ConstructorError where these are too many.

    known: id of a node → its count, since aliases name the same node again; 0 while it is counted.
    """
    if depth > MAX_DEPTH:
        raise _error(f"nested more than {MAX_DEPTH} levels deep", node)
    if known.get(id(node)) == 0:
        raise _error("an alias of what it is a part of", node)
    if id(node) not in known:
        known[id(node)] = 0
        inside = node.value if isinstance(node, yaml.CollectionNode) else []
        parts = [part for each in inside for part in (each if isinstance(each, tuple) else [each])]
        known[id(node)] = 1 + sum(_count(part, depth + 1, known) for part in parts)
    if known[id(node)] > MAX_VALUES:
        raise _error(f"more than {MAX_VALUES:,} values, aliases counted", node)
    return known[id(node)]


def _error(problem: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
