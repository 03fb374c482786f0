"""Rest.li 2.0 syntax of addresses: `List(a,b)`, `(key:value)`, and values in which every reserved character is encoded.

Belongs here: writing paths and queries. Does not belong here: what is asked for.

Brackets, commas and colons are syntax here and must stay as they are, while the same characters within a URN must not: an ordinary
query encoder gets one or the other wrong. So these queries are written whole and travel as part of the path.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias
from urllib.parse import quote

Value: TypeAlias = "str | int | Sequence[Value] | Mapping[str, Value]"


def encode(text: str) -> str:
    """One value, as it may stand anywhere in an address. The empty string has a notation of its own."""
    return quote(text, safe="") if text else "''"


def write(value: Value) -> str:
    """A value in Rest.li's notation."""
    if isinstance(value, str):
        return encode(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return f"({','.join(f'{encode(k)}:{write(v)}' for k, v in value.items())})"
    return f"List({','.join(map(write, value))})"


def query(path: str, params: Mapping[str, Value]) -> str:
    """The path with its query."""
    if not params:
        return path
    return f"{path}?{'&'.join(f'{k}={write(v)}' for k, v in params.items())}"
