"""Rest.li 2.0 as LinkedIn reads it: `List(a,b)`, `(key:value)`, and values in which everything reserved is encoded.

Belongs here: reading queries, refusing what is not encoded. Does not belong here: what a query asks for.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

_SYNTAX = "(),:"


class RestliError(ValueError):
    """The text is no Rest.li; the message says where."""


def read_query(raw: str) -> Mapping[str, Any]:
    """Parameters of a raw query: texts, lists and records. Raises RestliError."""
    pairs = (part.partition("=") for part in raw.split("&") if part)
    return {unquote(name): read(value) for name, _, value in pairs}


def read(text: str) -> Any:
    """One value. Raises RestliError when syntax is left within a plain one, as in a URN that was not encoded."""
    value, end = _value(text, 0)
    if end != len(text):
        raise RestliError(f"unexpected {text[end]!r} at {end} of {text!r}")
    return value


def _value(text: str, start: int) -> tuple[Any, int]:
    if text.startswith("List(", start):
        return _series(text, start + 5, is_record=False)
    if text.startswith("(", start):
        return _series(text, start + 1, is_record=True)
    end = start
    while end < len(text) and text[end] not in _SYNTAX:
        end += 1
    plain = text[start:end]
    return ("" if plain == "''" else unquote(plain)), end


def _series(text: str, position: int, *, is_record: bool) -> tuple[Any, int]:
    items: list[Any] = []
    record: dict[str, Any] = {}
    if text.startswith(")", position):
        return (record if is_record else items), position + 1
    while True:
        value, position = _value(text, position)
        if is_record:
            if not text.startswith(":", position):
                raise RestliError(f"a record lacks ':' at {position} of {text!r}")
            record[str(value)], position = _value(text, position + 1)
        else:
            items.append(value)
        if text.startswith(")", position):
            return (record if is_record else items), position + 1
        if not text.startswith(",", position):
            raise RestliError(f"a bracket is not closed at {position} of {text!r}")
        position += 1
