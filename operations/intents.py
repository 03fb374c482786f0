"""Intents: making one, moving it from state to state, and what that does to its content item.

Belongs here: the steps that editors (`content.py`), operators (`parked.py`) and the publisher's transactions (`sending.py`) share. All work
inside the caller's transaction and leave an audit event.
Does not belong here: deciding when to move (those modules).
"""

import uuid
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import Exists

from operations.audit import PUBLISHER_ACTOR, record_event
from operations.models import ApprovalRow, ContentItemRow, IntentRow
from operations.states import UNSENT_INTENT_STATES, IntentState, ItemState, ParkReason

_NAMESPACE = uuid.UUID("6f0e1f5e-7a53-4d0e-9a52-3f6d1c0b7c11")


def intent_id_of(content_item_id: str, account_id: str, occurrence: int) -> str:
    """The intent's id follows from its unique key, so that a second attempt to queue it cannot make another."""
    return str(uuid.uuid5(_NAMESPACE, f"{content_item_id}\n{account_id}\n{occurrence}"))


def has_current_approval() -> Exists:
    """Condition on ContentItemRow: the revision that would be sent is approved, and the approval stands."""
    return exists().where(
        ApprovalRow.content_item_id == ContentItemRow.content_item_id,
        ApprovalRow.revision == ContentItemRow.revision,
        ApprovalRow.verdict == "approved",
        ApprovalRow.revoked_at.is_(None),
    )


def newest_intent(session: Session, content_item_id: str, *, for_update: bool = True) -> IntentRow | None:
    """The intent of the item's newest occurrence, locked unless told otherwise."""
    query = (
        select(IntentRow)
        .where(IntentRow.content_item_id == content_item_id)
        .order_by(IntentRow.occurrence.desc())
        .limit(1)
    )
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def queue(session: Session, item: ContentItemRow, *, scheduled_at: datetime, at: datetime, actor: str) -> IntentRow:
    """Put an approved item into the outbox: its unsent intent again, or the first one."""
    intent = newest_intent(session, item.content_item_id)
    if intent is None:
        return add_occurrence(session, item, occurrence=1, scheduled_at=scheduled_at, at=at, actor=actor)
    intent.revision = item.revision
    intent.scheduled_at = scheduled_at
    start_afresh(intent)
    move(session, intent, IntentState.PENDING, at=at, actor=actor)
    return intent


def add_occurrence(
    session: Session, item: ContentItemRow, *, occurrence: int, scheduled_at: datetime, at: datetime, actor: str
) -> IntentRow:
    """A new intent of an item: the first, or a deliberate repost."""
    intent = IntentRow(
        intent_id=intent_id_of(item.content_item_id, item.account_id, occurrence),
        content_item_id=item.content_item_id,
        account_id=item.account_id,
        occurrence=occurrence,
        client_id=item.client_id,
        network=item.network,
        action="reply" if item.is_reply else "publish",
        scheduled_at=scheduled_at,
        state=IntentState.PENDING.value,
        revision=item.revision,
        queued_at=at,
        changed_at=at,
        commit_calls=0,
        tries=0,
        looks=0,
    )
    session.add(intent)
    item.state = ItemState.APPROVED.value
    _tell(session, intent, at=at, actor=actor, before=None, detail=None)
    return intent


def start_afresh(intent: IntentRow) -> None:
    """Forget what was staged and how often it was tried. Only where it is certain that the network shows nothing."""
    intent.staging = None
    intent.request = None
    intent.tries = intent.looks = 0
    intent.next_try_at = None
    intent.committing_since = None


def move(
    session: Session,
    intent: IntentRow,
    state: IntentState,
    *,
    at: datetime,
    actor: str = PUBLISHER_ACTOR,
    code: str | None = None,
    reason: str | None = None,
) -> None:
    """Change an intent's state, let its item follow, and put it on record."""
    before, intent.state = intent.state, state.value
    intent.reason_code, intent.reason = code, reason
    intent.changed_at = at
    item = session.get_one(ContentItemRow, intent.content_item_id)
    if intent.occurrence > 1 and state in UNSENT_INTENT_STATES - {IntentState.PENDING}:
        item.state = ItemState.PUBLISHED.value  # the repost will not be, but the item was published before
    elif state is IntentState.PUBLISHED or item.state != ItemState.DRAFT.value:
        item.state = _ITEM_STATE[state].value
    _tell(session, intent, at=at, actor=actor, before=before, detail=reason)


def hold(intent: IntentRow, *, code: str, reason: str, next_try_at: datetime | None) -> None:
    """Leave an intent as it is, and say why and until when (machine time)."""
    intent.reason_code, intent.reason, intent.next_try_at = code, reason, next_try_at


def release_reconnected(session: Session, account_id: str, *, at: datetime) -> int:
    """Set free the intents that were parked until their account is connected again. Returns how many."""
    waiting = select(IntentRow.content_item_id).where(
        IntentRow.account_id == account_id,
        IntentRow.state == IntentState.PARKED.value,
        IntentRow.reason_code == ParkReason.RECONNECT.value,
    )
    session.execute(
        select(ContentItemRow.content_item_id)
        .where(ContentItemRow.content_item_id.in_(waiting))
        .order_by(ContentItemRow.content_item_id)
        .with_for_update()
    )
    intents = session.scalars(
        select(IntentRow)
        .where(
            IntentRow.account_id == account_id,
            IntentRow.state == IntentState.PARKED.value,
            IntentRow.reason_code == ParkReason.RECONNECT.value,
        )
        .order_by(IntentRow.intent_id)
        .with_for_update()
    ).all()
    for intent in intents:
        is_unknown = intent.committing_since is not None
        intent.tries, intent.next_try_at = 0, None
        move(session, intent, IntentState.COMMITTING if is_unknown else IntentState.PENDING, at=at)
    return len(intents)


def count_occurrences(session: Session, content_item_id: str) -> int:
    """How many intents an item has."""
    query = select(func.count()).select_from(IntentRow).where(IntentRow.content_item_id == content_item_id)
    return session.scalars(query).one()


_ITEM_STATE = {
    IntentState.PENDING: ItemState.APPROVED,
    IntentState.COMMITTING: ItemState.APPROVED,
    IntentState.PUBLISHED: ItemState.PUBLISHED,
    IntentState.MISSED: ItemState.MISSED,
    IntentState.CANCELLED: ItemState.CANCELLED,
    IntentState.FAILED: ItemState.FAILED,
    IntentState.PARKED: ItemState.PARKED,
}


def _tell(
    session: Session, intent: IntentRow, *, at: datetime, actor: str, before: str | None, detail: str | None
) -> None:
    record_event(
        session,
        at=at,
        client_id=intent.client_id,
        actor=actor,
        action=f"intent_{intent.state}",
        subject_type="intent",
        subject_id=intent.intent_id,
        content_item_id=intent.content_item_id,
        occurrence=intent.occurrence,
        before=before,
        commit_calls=intent.commit_calls,
        reason_code=intent.reason_code,
        reason=detail,
    )
