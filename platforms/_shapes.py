"""Field types for what networks send: tolerant where the networks are sloppy, and never inventing a value.

Belongs here: types that the models of two or more networks use. Does not belong here: any network's own shape.
"""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

M = TypeVar("M", bound=BaseModel)


class Shape(BaseModel):
    """Base of all wire shapes: networks add fields whenever they like."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def read_as(model: type[M], raw: Any) -> M | None:
    """The payload as `model`, or None when it is none."""
    try:
        return model.model_validate(raw)
    except ValidationError:
        return None


def count_or_none(value: Any) -> int | None:
    """An integer, also out of a string or a whole float. Anything else is no count: None, never zero."""
    if isinstance(value, int):
        return None if isinstance(value, bool) else value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        try:
            return int(value.strip())
        except ValueError:
            return None
    return None


def time_or_none(value: Any) -> datetime | None:
    """An aware UTC time out of ISO 8601 (with `Z`, `+0000` or `+00:00`; no zone means UTC), else None."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def web_address_or_none(value: Any) -> str | None:
    """An http or https address with a host, as it was sent but for the space around it; anything else is no address."""
    address = value.strip() if isinstance(value, str) else ""
    try:
        parts = urlsplit(address)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", parts.netloc)
    except ValueError:
        return None
    return storable(address) if is_web else None


def title_or_none(value: Any) -> str | None:
    """A text that says something, without the space around it; never empty."""
    return (storable(value.strip()) or None) if isinstance(value, str) else None


def _text_or_empty(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _id_or_none(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _object_or_none(value: Any) -> Any:
    return value if isinstance(value, dict) else None


def _list_or_empty(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else ()


Count = Annotated[int | None, BeforeValidator(count_or_none)]
Time = Annotated[datetime | None, BeforeValidator(time_or_none)]
Text = Annotated[str, BeforeValidator(_text_or_empty)]
Id = Annotated[str | None, BeforeValidator(_id_or_none)]
RequiredId = Annotated[str, BeforeValidator(_id_or_none)]
WebAddress = Annotated[str | None, BeforeValidator(web_address_or_none)]
Title = Annotated[str | None, BeforeValidator(title_or_none)]
Object = BeforeValidator(_object_or_none)
"""For optional nested objects: something else in their place is as good as absent."""
Items = Annotated[tuple[Any, ...], BeforeValidator(_list_or_empty)]
"""A list whose items are judged one by one, so that one broken item does not cost the others."""


def as_json(value: Any) -> str:
    """Compact JSON as bronze keeps it: always valid, always UTF-8. A lone surrogate, which some clients send, is escaped;
    NaN and infinities, which JSON does not have, become null."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # a lone surrogate, or an integer of more than 64 bits
        finite = json.loads(json.dumps(value), parse_constant=lambda _: None)
        return json.dumps(finite, separators=(",", ":"))


def storable(text: str) -> str:
    """The text with lone surrogates replaced: Delta, SQLite and HTTP refuse them."""
    return text if text.isprintable() else text.encode("utf-8", "replace").decode()
