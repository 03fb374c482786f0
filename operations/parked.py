"""The outbox as operators see it, and what a person does about what is parked.

Belongs here: views of intents with state, reason and evidence; the three ways out of `parked`.
Does not belong here: what a person changes before a post is sent (`content.py`), the outcomes' ledger (`ledger.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from contracts.networks import Network
from contracts.records import Receipt
from contracts.scope import TenantScope
from operations.content import locked_item
from operations.intents import move, start_afresh
from operations.models import ClientRow, ContentItemRow, IntentRow, LaneRow
from operations.part import StorePart, within
from operations.states import IntentState, ItemState, ItemStateError, ParkReason, UnknownRecordError
from operations.stops import is_stopped

STUCK_AFTER_SECONDS = 900.0
"""An intent that a live publisher would have moved on by now."""


@dataclass(frozen=True)
class OutboxEntry:
    """One intent: where it stands, why, and what is known of it."""

    intent_id: str
    content_item_id: str
    client_id: str
    account_id: str
    network: Network
    action: str
    occurrence: int
    revision: int
    scheduled_at: datetime
    state: IntentState
    reason_code: str | None
    reason: str | None
    tries: int
    commit_calls: int
    next_try_at: datetime | None
    """Machine time."""
    committing_since: datetime | None
    """Machine time; not None while a commit is unanswered, so that the post may be visible."""
    leased_until: datetime | None
    """Machine time; a publisher works on the account."""
    changed_at: datetime
    native_id: str | None
    permalink: str | None
    published_at: datetime | None
    is_reconciled: bool
    """Published, and known only by reading the network: the answer was lost."""


class OutboxDesk(StorePart):
    """The store's face for intents."""

    def outbox(self, scope: TenantScope, *, states: Sequence[str] = ()) -> tuple[OutboxEntry, ...]:
        """Intents by slot; in any state unless some are named. Raises ValueError for an unknown state."""
        named = [IntentState(state).value for state in states]
        with self._database.read() as session:
            return entries(session, scope, IntentRow.state.in_(named) if named else None)

    def stuck(self, scope: TenantScope) -> tuple[OutboxEntry, ...]:
        """Intents that should have moved on and did not, in lanes that nothing holds back: nobody drains the outbox, or it fails."""
        machine_now = datetime.now(UTC)
        before = machine_now - timedelta(seconds=STUCK_AFTER_SECONDS)
        overdue = self._clock.now() - timedelta(seconds=STUCK_AFTER_SECONDS)
        condition = or_(
            and_(IntentRow.state == IntentState.COMMITTING.value, IntentRow.committing_since < before),
            and_(
                IntentRow.state == IntentState.PENDING.value,
                IntentRow.scheduled_at < overdue,
                IntentRow.reason_code.is_(None),
                ContentItemRow.state == ItemState.APPROVED.value,
                ~is_stopped(),
            ),
        )
        with self._database.read() as session:
            return tuple(
                entry
                for entry in entries(session, scope, and_(condition, LaneRow.paused_at.is_(None)))
                if entry.next_try_at is None or entry.next_try_at < before
            )

    def adopt(
        self, intent_id: str, *, actor: str, native_id: str, permalink: str | None, published_at: datetime
    ) -> None:
        """A person found the post on the network: the parked intent is published. Raises ItemStateError."""
        now = self._clock.now()
        with self._database.write() as session:
            intent = _parked(session, intent_id)
            intent.receipt = Receipt(
                native_id=native_id,
                permalink=permalink,
                published_at=published_at,
                how="reconciled",
            )
            intent.published_at = published_at
            intent.committing_since = intent.next_try_at = None
            move(session, intent, IntentState.PUBLISHED, at=now, actor=actor, reason="adopted by a person")

    def send_again(self, intent_id: str, *, actor: str, scheduled_at: datetime | None = None) -> None:
        """A person made sure that the network shows nothing: send it now, or at a slot. The approval that it had still has to stand.

        Raises ItemStateError unless the intent is parked for another reason than its account's connection.
        """
        now = self._clock.now()
        with self._database.write() as session:
            intent = _parked(session, intent_id)
            if intent.reason_code == ParkReason.RECONNECT.value and intent.committing_since is None:
                raise ItemStateError("Connect the account again: the post goes on by itself then.")
            start_afresh(intent)
            intent.scheduled_at = scheduled_at or now
            item = locked_item(session, intent.content_item_id)
            if not item.is_reply:
                item.scheduled_at, item.is_slot_held = intent.scheduled_at, True
            move(session, intent, IntentState.PENDING, at=now, actor=actor, reason="sent again by a person")

    def drop(self, intent_id: str, *, actor: str, reason: str | None = None) -> None:
        """Give a parked intent up: nothing more is sent for it. Raises ItemStateError."""
        now = self._clock.now()
        with self._database.write() as session:
            intent = _parked(session, intent_id)
            start_afresh(intent)
            move(
                session,
                intent,
                IntentState.CANCELLED,
                at=now,
                actor=actor,
                code="dropped",
                reason=reason or "given up by a person",
            )


def _parked(session: Session, intent_id: str) -> IntentRow:
    known = session.get(IntentRow, intent_id)
    if known is None:
        raise UnknownRecordError(f"There is no intent {intent_id}.")
    item = locked_item(session, known.content_item_id)
    intent = session.get_one(IntentRow, intent_id, with_for_update=True, populate_existing=True)
    if intent.state != IntentState.PARKED.value:
        raise ItemStateError(f"The intent is {intent.state}, not parked (its item: {ItemState(item.state).value}).")
    return intent


def entries(session: Session, scope: TenantScope, condition: ColumnElement[bool] | None) -> tuple[OutboxEntry, ...]:
    """Intents of the scope by slot, those that the condition (over intent, lane, item and client) holds for."""
    query = (
        select(IntentRow, LaneRow)
        .join(LaneRow, LaneRow.account_id == IntentRow.account_id)
        .join(ContentItemRow, ContentItemRow.content_item_id == IntentRow.content_item_id)
        .join(ClientRow, ClientRow.client_id == IntentRow.client_id)
        .where(within(scope, IntentRow.client_id))
        .order_by(IntentRow.scheduled_at, IntentRow.queued_at, IntentRow.intent_id)
    )
    if condition is not None:
        query = query.where(condition)
    return tuple(_entry(intent, lane) for intent, lane in session.execute(query))


def _entry(intent: IntentRow, lane: LaneRow) -> OutboxEntry:
    return OutboxEntry(
        intent_id=intent.intent_id,
        content_item_id=intent.content_item_id,
        client_id=intent.client_id,
        account_id=intent.account_id,
        network=Network(intent.network),
        action=intent.action,
        occurrence=intent.occurrence,
        revision=intent.revision,
        scheduled_at=intent.scheduled_at,
        state=IntentState(intent.state),
        reason_code=intent.reason_code,
        reason=intent.reason,
        tries=intent.tries,
        commit_calls=intent.commit_calls,
        next_try_at=intent.next_try_at,
        committing_since=intent.committing_since,
        leased_until=lane.lease_expires_at,
        changed_at=intent.changed_at,
        native_id=intent.receipt.native_id if intent.receipt else None,
        permalink=intent.receipt.permalink if intent.receipt else None,
        published_at=intent.published_at,
        is_reconciled=intent.receipt is not None and intent.receipt.how == "reconciled",
    )
