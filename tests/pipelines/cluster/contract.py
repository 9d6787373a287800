"""The published OpenAPI document of Kubeflow Pipelines, as a judge of requests and answers."""

import copy
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema


class Contract:
    """Fails an assertion for what the document does not know, properties included."""

    def __init__(self, document: Path) -> None:
        self._document = _strict(json.loads(document.read_text(encoding="utf-8")))
        self.checked: set[str] = set()

    def operation(self, method: str, path: str) -> dict[str, Any]:
        """The operation that a request is for."""
        for template, operations in self._document["paths"].items():
            pattern = re.sub(r"\\{[^}]+\\}", "[^/:]+", re.escape(template))
            if re.fullmatch(pattern, path) and method.lower() in operations:
                found: dict[str, Any] = operations[method.lower()]
                return found
        raise AssertionError(f"{method} {path}: not in the document")

    def check_request(self, method: str, path: str, query: str, body: Any) -> None:
        """Checks the query by its parameters, and a body by its schema; files are no bodies."""
        operation = self.operation(method, path)
        self.checked.add(operation["operationId"])
        parameters = operation.get("parameters", [])
        known = {each["name"]: each for each in parameters if each["in"] == "query"}
        for name, value in parse_qsl(query):
            assert name in known, f"{path}: unknown parameter {name}"
            kind = known[name]["type"]
            jsonschema.validate(value if kind == "string" else json.loads(value), {"type": kind})
            if name == "filter":
                self._check(json.loads(value), {"$ref": "#/definitions/v2beta1Filter"})
        schemas = [each["schema"] for each in parameters if each["in"] == "body"]
        assert bool(schemas) == (body is not None), path
        for schema in schemas:
            self._check(body, schema)

    def check_answer(self, method: str, path: str, status: int, body: Any) -> None:
        """Checks an answer by the schema of its status."""
        responses = self.operation(method, path)["responses"]
        self._check(body, responses.get(str(status), responses["default"])["schema"])

    def _check(self, value: Any, schema: dict[str, Any]) -> None:
        definitions = {"definitions": self._document["definitions"]}
        jsonschema.Draft4Validator({**definitions, **schema}).validate(value)


def _strict(document: Any) -> Any:
    """The document with objects that take the properties they list and no others.

    What stands beside a $ref is left out, as draft 4 has it.
    """
    document = copy.deepcopy(document)

    def visit(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("properties"), dict) and value.get("type") == "object":
                value.setdefault("additionalProperties", False)
            if isinstance(value.get("$ref"), str):
                value.pop("type", None)
        for inner in value.values() if isinstance(value, dict) else value:
            if isinstance(inner, dict | list):
                visit(inner)

    visit(document)
    return document
