"""Pinterest's official OpenAPI description as a judge of requests and answers (found beside the reference data)."""

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import httpx
import pytest
from jsonschema import Draft7Validator


class PinterestOpenApi:
    """Says whether an exchange is what the description allows: method, path, query, body."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = _as_json_schema(document)
        self._paths = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "$"), path, operations)
            for path, operations in self._document["paths"].items()
        ]

    def check_request(self, request: httpx.Request, *, prefix: str = "/v5") -> str:
        """Assert that the request is allowed; returns `METHOD /path` as the description writes it."""
        path, operation = self._operation(request.method, request.url.path.removeprefix(prefix))
        known = [self._resolved(parameter) for parameter in operation.get("parameters", [])]
        queries = {parameter["name"]: parameter for parameter in known if parameter["in"] == "query"}
        sent = parse_qs(request.url.query.decode(), keep_blank_values=True)
        assert sent.keys() <= queries.keys(), f"{path} has no parameters {sent.keys() - queries.keys()}"
        missing = {name for name, parameter in queries.items() if parameter.get("required")} - sent.keys()
        assert not missing, f"{path} needs {missing}"
        for name, values in sent.items():
            self._check(queries[name]["schema"], _query_value(queries[name], values), f"{path}?{name}")
        body = operation.get("requestBody")
        assert (body is not None) or not request.content, f"{path} takes no body"
        if body is not None:
            (content_type, content), *_ = body["content"].items()
            assert request.headers["content-type"].startswith(content_type)
            is_form = content_type == "application/x-www-form-urlencoded"
            sent_body = dict(parse_qsl(request.content.decode())) if is_form else json.loads(request.content)
            self._check(content["schema"], sent_body, f"{request.method} {path}")
            unknown = sent_body.keys() - self._properties(content["schema"])
            assert is_form or not unknown, f"{path} has no fields {unknown}"
        return f"{request.method} {path}"

    def check_answer(self, request: httpx.Request, answer: httpx.Response, *, prefix: str = "/v5") -> None:
        """Assert that the answer has the described status and shape."""
        path, operation = self._operation(request.method, request.url.path.removeprefix(prefix))
        described = operation["responses"].get(str(answer.status_code), operation["responses"].get("default"))
        assert described is not None, f"{request.method} {path} answers no {answer.status_code}"
        if "content" in described:
            self._check(described["content"]["application/json"]["schema"], answer.json(), f"{path} answers")

    def _operation(self, method: str, path: str) -> tuple[str, dict[str, Any]]:
        exact = [(p, o) for _, p, o in self._paths if p == path]
        found = exact or [(p, o) for pattern, p, o in self._paths if pattern.match(path)]
        assert found, f"the description has no path {path}"
        assert method.lower() in found[0][1], f"{path} has no {method}"
        return found[0][0], found[0][1][method.lower()]

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            target: Any = self._document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def _properties(self, schema: dict[str, Any]) -> set[str]:
        schema = self._resolved(schema)
        inherited = [self._properties(part) for part in schema.get("allOf", [])]
        return set(schema.get("properties", {})).union(*inherited)

    def _check(self, schema: dict[str, Any], value: Any, where: str) -> None:
        validator = Draft7Validator({"allOf": [schema], "components": self._document["components"]})
        errors = [f"{where}: {'.'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(value)]
        assert not errors, errors


def _query_value(parameter: dict[str, Any], values: list[str]) -> Any:
    kind = parameter["schema"].get("type")
    if kind == "array":
        return values if parameter.get("explode", True) else values[0].split(",")
    (value,) = values
    if kind == "integer":
        return int(value)
    return {"true": True, "false": False}[value] if kind == "boolean" else value


def _as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: `nullable` becomes a type, and alternatives that overlap (metric names that pictures and
    films share) are alternatives still."""
    if isinstance(node, list):
        return [_as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema = {key: _as_json_schema(value) for key, value in node.items()}
    if isinstance(schema.get("oneOf"), list):
        schema["anyOf"] = schema.pop("oneOf")
    if schema.pop("nullable", None) is True:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema


def load() -> PinterestOpenApi:
    """The description, or a skip that says where it belongs."""
    data = os.environ.get("PULSO_REFERENCE_DATA")
    file = Path(data).parent / "specs" / "pinterest-openapi.json" if data else None
    if file is None or not file.is_file():
        pytest.skip("set PULSO_REFERENCE_DATA: the description stands beside it, in ../specs/pinterest-openapi.json")
    return PinterestOpenApi(json.loads(file.read_text()))
