"""Pinterest's ways of saying things: refusals, bookmarks, flags, times, limits per category.

Belongs here: what all of its handlers use. Does not belong here: any endpoint.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from sandbox.wire import Refusal
from sandbox.world.model import Account, to_datetime
from sandbox.world.seeding import identifier

_LARGEST_PAGE = 250


@dataclass(frozen=True)
class Category:
    """A group of endpoints that share a limit: its name, and calls per user, app and minute."""

    name: str
    per_minute: int


ORG_READ = Category("org_read", 1000)  # [K] all three numbers
ORG_WRITE = Category("org_write", 100)
ORG_ANALYTICS = Category("org_analytics", 300)


def error(status: int, code: int, message: str) -> Refusal:
    """A refusal as Pinterest words it. The codes but 2 [seen], 3 and 8 are [K]."""
    return Refusal(status, {"code": code, "message": message})


def invalid(what: str) -> Refusal:
    """The refusal of a request that makes no sense."""
    return error(400, 1, f"Invalid request: {what}")


@cache
def board_id_of(account: Account) -> str:
    """The one board of an account."""
    return "54" + identifier("0123456789", 16, "pinterest board", account.native_id)


def wire_time(moment_ms: int) -> str:
    """A pin's time, as recorded: whole seconds, no zone."""
    return to_datetime(moment_ms).strftime("%Y-%m-%dT%H:%M:%S")


def page_of(params: Mapping[str, str]) -> int:
    """How many items a page may have. Raises Refusal."""
    text = params.get("page_size", "25")
    if not text.isdecimal() or not 1 <= int(text) <= _LARGEST_PAGE:
        raise invalid(f"page_size: 1 to {_LARGEST_PAGE} are expected")
    return int(text)


def bookmark_of(position: tuple[int, str]) -> str:
    """An opaque bookmark after a pin."""
    return base64.urlsafe_b64encode(f"{position[0]}|{position[1]}".encode()).decode()


def position_of(bookmark: str | None) -> tuple[int, str] | None:
    """The pin that a bookmark stands after. Raises Refusal."""
    if bookmark is None:
        return None
    try:
        moment, _, pin_id = base64.urlsafe_b64decode(bookmark).decode().partition("|")
        return int(moment), pin_id
    except (binascii.Error, ValueError):
        raise invalid("bookmark: not one of ours") from None


def truth_of(params: Mapping[str, str], name: str) -> bool:
    """A flag of the query. Raises Refusal."""
    text = params.get(name, "false")
    if text not in ("true", "false"):
        raise invalid(f"{name}: true or false is expected")
    return text == "true"
