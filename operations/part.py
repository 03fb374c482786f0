"""What every part of the store shares: the database, the clock, the send rules, the vault.

Belongs here: nothing but that. Each part is one concept in a module of its own; `store.py` puts them together.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import InstrumentedAttribute

from contracts.clock import Clock
from contracts.records import Client, ContentItem, Verdict
from contracts.scope import TenantScope
from operations.credentials import SqlTokenStore
from operations.database import Database
from policy import NetworkLimits


class SendRules(Protocol):
    """May this be sent? `policy.may_send` has this shape."""

    def __call__(
        self,
        item: ContentItem,
        client: Client,
        *,
        now: datetime,
        published_times: Sequence[datetime] = (),
        limits: NetworkLimits | None = None,
        last_received_at: datetime | None = None,
    ) -> Verdict: ...


class StorePart:
    """Base of the store's parts."""

    def __init__(self, database: Database, *, clock: Clock, rules: SendRules, tokens: SqlTokenStore) -> None:
        self._database = database
        self._clock = clock
        self._rules = rules
        self.tokens = tokens


def within(scope: TenantScope, column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """The scope as a condition on a table's client column."""
    return true() if scope.client_ids is None else column.in_(scope.client_ids)
