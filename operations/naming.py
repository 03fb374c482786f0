"""Ids that a network names later: a post is live, and its receipt names the publishing until the network says which post it is.

Belongs here: asking again, putting the post's own id into the receipt, giving up with a reason.
Does not belong here: whether a commit landed (`publisher.py`), how a network is asked (platforms).

Asking shows nothing to anybody and its answer is the same for all who ask, so it needs no lease: who comes second finds the receipt
named already. A change of the receipt changes the intent's `changed_at`, which is what brings it into the lake again.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from contracts.clock import Clock
from contracts.errors import ErrorClass, NetworkError, NotReadyError
from contracts.ports import Connector, NamesPostsLater
from contracts.records import Account, Receipt
from operations.audit import PUBLISHER_ACTOR, record_event
from operations.content import locked_item
from operations.database import Database
from operations.directory import account_record
from operations.machine import MachineTime
from operations.models import AccountRow, IntentRow, LaneRow

T = TypeVar("T", bound=tuple[Any, ...])

log = structlog.get_logger(__name__)

GIVE_UP_AFTER = timedelta(days=3)
"""Business time. TikTok speaks of hours."""
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
"""Waits between two questions double, in machine time."""
MOST_AT_ONCE = 100
UNNAMED = "unnamed"
"""Reason code of a published intent whose post the network never named."""


@dataclass(frozen=True)
class Unnamed:
    """A published intent whose receipt names the publishing."""

    intent_id: str
    account: Account
    receipt: Receipt


class PostNaming:
    """Receipts that wait for the id of their post. Every method that writes is one transaction."""

    def __init__(self, database: Database, *, clock: Clock, machine: MachineTime) -> None:
        self._database, self._clock, self._machine = database, clock, machine

    def due(self) -> int:
        """Receipts for which the network would be asked now."""
        with self._database.read() as session:
            return session.scalars(self._askable(select(func.count()).select_from(IntentRow))).one()

    def waiting(self) -> tuple[Unnamed, ...]:
        """Those receipts, the longest waiting first, some at a time."""
        query = self._askable(
            select(IntentRow, AccountRow).join(AccountRow, AccountRow.account_id == IntentRow.account_id)
        ).order_by(IntentRow.unnamed_since, IntentRow.intent_id)
        with self._database.read() as session:
            return tuple(
                Unnamed(intent.intent_id, account_record(account), intent.receipt)
                for intent, account in session.execute(query.limit(MOST_AT_ONCE))
                if intent.receipt is not None
            )

    async def ask(self, connector: Connector, unnamed: Unnamed, *, call_seconds: float) -> bool:
        """Ask the network for one of these; whether it named the post."""
        if not isinstance(connector, NamesPostsLater):
            self._give_up(unnamed, f"{unnamed.account.network.value} is not asked for ids of posts")
            return False
        try:
            async with asyncio.timeout(call_seconds):
                receipt = await connector.named(unnamed.account, unnamed.receipt)
        except NetworkError as error:
            if error.error_class is ErrorClass.INVALID:
                self._give_up(unnamed, str(error))
            else:
                self._ask_later(unnamed, str(error))
        except (TimeoutError, NotReadyError) as error:
            self._ask_later(unnamed, str(error) or "no answer within the time of a call")
        except Exception as error:  # one unreadable answer is asked for again like a lost one
            log.exception("naming_failed", intent_id=unnamed.intent_id)
            self._ask_later(unnamed, type(error).__name__)
        else:
            if receipt is not None:
                return self._name(unnamed, receipt)
            self._ask_later(unnamed, "the network does not say yet which id the post has")
        return False

    def _name(self, unnamed: Unnamed, receipt: Receipt) -> bool:
        """Put the named receipt in the place of the provisional one."""
        now = self._clock.now()
        with self._database.write() as session:
            intent = self._locked(session, unnamed)
            if intent is None:
                return False
            intent.receipt, intent.published_at = receipt, receipt.published_at
            self._end(session, intent, "post_named", now, before=unnamed.receipt.native_id, after=receipt.native_id)
            return True

    def _ask_later(self, unnamed: Unnamed, reason: str) -> None:
        """Wait and ask again; give up when it has taken too long."""
        now = self._clock.now()
        with self._database.write() as session:
            intent = self._locked(session, unnamed)
            if intent is None or intent.unnamed_since is None:
                return
            if now - intent.unnamed_since > GIVE_UP_AFTER:
                self._leave_unnamed(session, intent, reason, now)
                return
            wait = min(FIRST_WAIT * 2 ** min(intent.tries, 30), LONGEST_WAIT)
            intent.tries, intent.next_try_at = intent.tries + 1, self._machine.now() + wait

    def _give_up(self, unnamed: Unnamed, reason: str) -> None:
        now = self._clock.now()
        with self._database.write() as session:
            intent = self._locked(session, unnamed)
            if intent is not None:
                self._leave_unnamed(session, intent, reason, now)

    def _leave_unnamed(self, session: Session, intent: IntentRow, reason: str, now: datetime) -> None:
        intent.reason_code, intent.reason = UNNAMED, f"The post is live, but its id is not known: {reason}"
        self._end(session, intent, "post_not_named", now, reason=reason)

    def _end(self, session: Session, intent: IntentRow, action: str, now: datetime, **detail: str) -> None:
        intent.unnamed_since = intent.next_try_at = None
        intent.changed_at = now
        record_event(
            session,
            at=now,
            client_id=intent.client_id,
            actor=PUBLISHER_ACTOR,
            action=action,
            subject_type="intent",
            subject_id=intent.intent_id,
            **detail,
        )

    @staticmethod
    def _locked(session: Session, unnamed: Unnamed) -> IntentRow | None:
        """The intent, if nobody named it or gave it up meanwhile."""
        locked_item(session, session.get_one(IntentRow, unnamed.intent_id).content_item_id)
        intent = session.get_one(IntentRow, unnamed.intent_id, with_for_update=True, populate_existing=True)
        return intent if intent.unnamed_since is not None and intent.receipt == unnamed.receipt else None

    def _askable(self, query: Select[T]) -> Select[T]:
        """Narrow a query over intents to those whose network may be asked now."""
        now = self._machine.now()
        return query.join(LaneRow, LaneRow.account_id == IntentRow.account_id).where(
            IntentRow.unnamed_since.is_not(None),
            or_(IntentRow.next_try_at.is_(None), IntentRow.next_try_at <= now),
            LaneRow.paused_at.is_(None),
            or_(LaneRow.deferred_until.is_(None), LaneRow.deferred_until <= now),
        )
