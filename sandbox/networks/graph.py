"""The Graph API's own conventions, whatever the node: error bodies, the `fields` grammar, cursors, timestamps, versions."""

import base64
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.wire import Refusal
from sandbox.world.model import to_datetime

_TOKEN = re.compile(r"\s*([a-z_0-9]+|[{},()]|\.)", re.IGNORECASE)
_VERSION = re.compile(r"^v\d+\.\d+$")


def graph_error(
    message: str,
    code: int,
    *,
    subcode: int | None = None,
    status: int = 400,
    title: str | None = None,
    user_message: str | None = None,
    is_transient: bool | None = None,
    headers: Mapping[str, str] | None = None,
) -> Refusal:
    """An error answer in the Graph's envelope."""
    error: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    if is_transient is not None or title is not None:
        error["is_transient"] = bool(is_transient)
    if title is not None:
        error["error_user_title"] = title
        error["error_user_msg"] = user_message or title
    error["fbtrace_id"] = f"A{secrets.token_urlsafe(16)}"
    return Refusal(status, {"error": error}, headers)


def unknown_object(native_id: str, method: str = "get") -> Refusal:
    """The object is gone, was never there, or belongs to somebody else: the Graph does not tell."""
    return graph_error(
        f"Unsupported {method} request. Object with ID '{native_id}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation. Please read the Graph API documentation at "
        "https://developers.facebook.com/docs/graph-api",
        100,
        subcode=33,
    )


def split_path(path: str) -> tuple[str, list[str]]:
    """Version (the newest where the path names none) and the path's other parts."""
    parts = [part for part in path.split("/") if part]
    if parts and _VERSION.match(parts[0]):
        return parts[0], parts[1:]
    return "v25.0", parts


def graph_time(moment_ms: int) -> str:
    """A moment as the Graph writes it: whole seconds, `+0000`."""
    return to_datetime(moment_ms).strftime("%Y-%m-%dT%H:%M:%S+0000")


def encode_cursor(position: tuple[int, str]) -> str:
    """An opaque paging cursor."""
    return base64.urlsafe_b64encode(f"{position[0]}:{position[1]}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[int, str]:
    """Its position; raises the Graph's refusal for anything else."""
    try:
        moment, _, native_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(":")
        return int(moment), native_id
    except ValueError:
        raise graph_error("(#100) Invalid cursor value", 100) from None


@dataclass(frozen=True)
class Selection:
    """A field that was asked for, with the fields inside it and its modifiers (`comments.limit(5){id,text}`)."""

    fields: Mapping[str, "Selection"] = field(default_factory=dict)
    modifiers: Mapping[str, str] = field(default_factory=dict)
    name: str = field(default="", compare=False)
    """What the field is called on the node, where it was asked for under another name (`reactions.as(like)`)."""


def parse_fields(text: str) -> dict[str, Selection]:
    """Read the `fields` parameter. Raises the Graph's refusal for a syntax error."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text):
        raise graph_error("(#2500) Syntax error in field list", 2500)
    position = 0

    def peek() -> str:
        return tokens[position] if position < len(tokens) else ""

    def take(expected: str | None = None) -> str:
        nonlocal position
        token = peek()
        if not token or (expected is not None and token != expected):
            raise graph_error(f'(#2500) Syntax error "Expected {expected or "name"}" in field list', 2500)
        position += 1
        return token

    def parse_list() -> dict[str, Selection]:
        found: dict[str, Selection] = {}
        while peek() not in ("", "}"):
            name, modifiers, inner = take(), {}, {}
            while peek() == ".":
                take(".")
                modifier = take()
                take("(")
                modifiers[modifier] = take()
                take(")")
            if peek() == "{":
                take("{")
                inner = parse_list()
                take("}")
            found[modifiers.get("as", name)] = Selection(inner, modifiers, name)
            if peek() == ",":
                take(",")
        return found

    parsed = parse_list()
    if position != len(tokens):
        raise graph_error("(#2500) Syntax error in field list", 2500)
    return parsed


def select(
    values: Mapping[str, Callable[[], Any]], selection: Mapping[str, Selection], node_type: str
) -> dict[str, Any]:
    """The asked fields that have a value; an unknown field fails the whole call."""
    found: dict[str, Any] = {}
    for name, asked in selection.items():
        source = name if name in values else asked.name
        if source not in values:
            raise graph_error(f"(#100) Tried accessing nonexisting field ({source}) on node type ({node_type})", 100)
        value = values[source]()
        if value is not None:
            found[name] = value
    return found
