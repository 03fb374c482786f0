"""What a server says about itself: its limits, and whether it is a Mastodon that keeps idempotency keys.

Belongs here: asking once in a while and remembering. Does not belong here: what a post needs (`publishing.py`).
"""

import re
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel

from contracts.errors import ErrorClass, NetworkError
from contracts.records import Account
from platforms._http import Call, CallKind, Transport
from platforms.mastodon.models import Instance, StatedLimits

M = TypeVar("M", bound=BaseModel)

BELIEVED_FOR = timedelta(hours=1)
LIMIT_SECTIONS = ("statuses", "media_attachments", "polls")
"""What of an instance's `configuration` says what a post may be."""
_OWN_VERSION = re.compile(r"[1-9]\d*\.\d+\.\d+[-+.\w]*")
"""Mastodon and its forks say `4.6.4`, `4.4.0+glitch`; servers that only speak its API name themselves behind that, in
parentheses (`2.7.2 (compatible; ...)`, `4.0.0 (not true; really snac/2.75)`), or are still at version 0."""


def keeps_keys(version: str) -> bool:
    """Whether a server of this version honours `Idempotency-Key`. In doubt it does not: then nothing is ever sent twice."""
    return _OWN_VERSION.fullmatch(version) is not None


class Instances:
    """The servers of all accounts, each asked once an hour."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._known: dict[str, tuple[datetime, Instance]] = {}

    async def of(self, account: Account, *, now: datetime) -> Instance:
        """The account's server. Raises NetworkError."""
        asked_at, known = self._known.get(account.base_url, (None, None))
        if known is not None and asked_at is not None and abs(now - asked_at) < BELIEVED_FOR:
            return known
        instance = await self._ask(account, Instance)
        self._known[account.base_url] = (now, instance)
        return instance

    async def stated_limits(self, account: Account) -> dict[str, Any]:
        """The limits in the server's own words, asked now: for whoever judges texts before they come here. Raises NetworkError."""
        stated = await self._ask(account, StatedLimits)
        sections = {name: stated.configuration[name] for name in LIMIT_SECTIONS if name in stated.configuration}
        if "statuses" not in sections and stated.max_toot_chars is not None:
            sections["statuses"] = {"max_characters": stated.max_toot_chars}
        return sections

    async def _ask(self, account: Account, model: type[M]) -> M:
        try:
            return await self._transport.fetch(model, account, _read("v2"))
        except NetworkError as error:
            # Servers without the second version answer 404, or a page that is no JSON.
            if error.error_class is not ErrorClass.INVALID:
                raise
        return await self._transport.fetch(model, account, _read("v1"))


def _read(version: str) -> Call:
    return Call(CallKind.READ, "instance", "GET", f"/api/{version}/instance")
