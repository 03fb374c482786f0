"""The statements that the publisher runs for every post, made once: making one takes longer than running it.

Belongs here: statements over the outbox with named parameters. Times: `now` is business time, `machine_now`, `soon` and `until` are machine time.
Does not belong here: the transactions that run them (`sending.py`).
"""

from datetime import datetime
from typing import TypeVar

from sqlalchemy import (
    JSON,
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    bindparam,
    func,
    or_,
    select,
    type_coerce,
    union_all,
    update,
)

from operations.intents import has_current_approval
from operations.models import ClientRow, ContentItemRow, IntentRow, LaneRow, RevisionRow
from operations.states import IntentState, ItemState
from operations.stops import is_stopped

Row = TypeVar("Row", bound=tuple[object, ...])

CLAIMS_LOOKED_AT = 100
"""More than a network's first page of posts, which is all that a reconciliation reads."""

_PENDING, _COMMITTING = IntentState.PENDING.value, IntentState.COMMITTING.value
_ACCOUNT: BindParameter[str] = bindparam("account")
_INTENT: BindParameter[str] = bindparam("intent")
_NOW: BindParameter[datetime] = bindparam("now")
_MACHINE_NOW: BindParameter[datetime] = bindparam("machine_now")
_SOON: BindParameter[datetime] = bindparam("soon")

# --- lanes -----------------------------------------------------------------------------------------------------------

_IS_FREE: ColumnElement[bool] = or_(LaneRow.lease_token.is_(None), LaneRow.lease_expires_at <= _MACHINE_NOW)
_IS_HELD_BY_RULE = and_(IntentRow.reason_code == "policy", IntentRow.next_try_at > _MACHINE_NOW)
_IS_TO_BE_WORKED_ON: ColumnElement[bool] = or_(
    IntentRow.state == _COMMITTING,
    and_(
        IntentRow.state == _PENDING,
        IntentRow.scheduled_at <= _NOW,
        or_(IntentRow.reason_code.is_(None), ~_IS_HELD_BY_RULE),
        ContentItemRow.state == ItemState.APPROVED.value,
        has_current_approval(),
        ~is_stopped(),
    ),
)
"""Over intent, item and client: unanswered commits, and pending intents that are due, approved and not stopped."""


def _takeable(query: Select[Row]) -> Select[Row]:
    """Narrow a query over intents to those that a publisher could take up by `soon`, in lanes that nobody works on."""
    return (
        query.join(ContentItemRow, ContentItemRow.content_item_id == IntentRow.content_item_id)
        .join(ClientRow, ClientRow.client_id == IntentRow.client_id)
        .join(LaneRow, LaneRow.account_id == IntentRow.account_id)
        .where(
            _IS_TO_BE_WORKED_ON,
            or_(IntentRow.next_try_at.is_(None), IntentRow.next_try_at <= _SOON),
            LaneRow.paused_at.is_(None),
            or_(LaneRow.deferred_until.is_(None), LaneRow.deferred_until <= _SOON),
            _IS_FREE,
        )
    )


TAKEABLE_LANES = (
    _takeable(select(IntentRow.account_id, IntentRow.network))
    .group_by(IntentRow.account_id, IntentRow.network)
    .order_by(func.min(IntentRow.scheduled_at), IntentRow.account_id)
)
"""Accounts and their networks, the longest waiting first (`now`, `machine_now`, `soon`)."""

TAKEABLE_COUNT = _takeable(select(func.count()).select_from(IntentRow))
"""How many intents (`now`, `machine_now`, `soon`)."""

LEASED = (
    update(LaneRow)
    .where(LaneRow.account_id == _ACCOUNT, _IS_FREE)
    .values(lease_token=bindparam("token"), lease_expires_at=bindparam("until"))
    .returning(LaneRow.account_id)
    .execution_options(synchronize_session=False)
)
"""Take a free lane (`account`, `token`, `machine_now`, `until`)."""

RENEWED = (
    update(LaneRow)
    .where(
        LaneRow.account_id == _ACCOUNT,
        LaneRow.lease_token == bindparam("token"),
        LaneRow.lease_expires_at > _MACHINE_NOW,
    )
    .values(lease_expires_at=bindparam("until"))
    .returning(LaneRow)
    .execution_options(synchronize_session=False, populate_existing=True)
)
"""The lane, locked, if the token still holds it (`account`, `token`, `machine_now`, `until`)."""

RELEASED = (
    update(LaneRow)
    .where(LaneRow.account_id == _ACCOUNT, LaneRow.lease_token == bindparam("token"))
    .values(lease_token=None, lease_expires_at=None)
    .execution_options(synchronize_session=False)
)
"""Give the lane back (`account`, `token`)."""

NEXT_INTENT = (
    select(IntentRow)
    .join(ContentItemRow, ContentItemRow.content_item_id == IntentRow.content_item_id)
    .join(ClientRow, ClientRow.client_id == IntentRow.client_id)
    .where(
        IntentRow.account_id == _ACCOUNT,
        # Said once more for the index's sake: an account's history is long.
        IntentRow.state.in_([_PENDING, _COMMITTING]),
        _IS_TO_BE_WORKED_ON,
    )
    .order_by(IntentRow.scheduled_at, IntentRow.queued_at, IntentRow.intent_id)
    .limit(1)
)
"""The first of a lane, by slot (`account`, `now`, `machine_now`)."""

# --- one intent --------------------------------------------------------------------------------------------------------

LOCKED_ITEM = (
    select(ContentItemRow)
    .where(
        ContentItemRow.content_item_id
        == select(IntentRow.content_item_id).where(IntentRow.intent_id == _INTENT).scalar_subquery()
    )
    .with_for_update()
    .execution_options(populate_existing=True)
)
"""The intent's item (`intent`)."""

LOCKED_INTENT = (
    select(IntentRow).where(IntentRow.intent_id == _INTENT).with_for_update().execution_options(populate_existing=True)
)
"""The intent itself (`intent`)."""

APPROVED_REVISION = (
    select(RevisionRow)
    .join(ContentItemRow, ContentItemRow.content_item_id == RevisionRow.content_item_id)
    .where(
        RevisionRow.content_item_id == bindparam("item"),
        RevisionRow.revision == ContentItemRow.revision,
        has_current_approval(),
    )
)
"""The item's current revision, if it is approved (`item`)."""

_OTHERS = (IntentRow.account_id == _ACCOUNT, IntentRow.intent_id != _INTENT)

PUBLISHED_TIMES: CompoundSelect[tuple[datetime]] = union_all(
    select(IntentRow.published_at).where(
        *_OTHERS, IntentRow.action == "publish", IntentRow.published_at >= bindparam("since")
    ),
    select(IntentRow.scheduled_at).where(
        *_OTHERS,
        IntentRow.action == "publish",
        IntentRow.state.in_([_COMMITTING, IntentState.PARKED.value]),
        IntentRow.committing_since.is_not(None),
    ),
)
"""When the account published since then, or may have, this intent excluded (`account`, `intent`, `since`)."""

_NEWEST = (
    select(IntentRow.intent_id)
    .where(*_OTHERS, IntentRow.published_at.is_not(None))
    .order_by(IntentRow.published_at.desc())
    .limit(CLAIMS_LOOKED_AT)
    .subquery()
)
CLAIMED_RECEIPTS = (
    select(IntentRow.receipt)
    .join(_NEWEST, _NEWEST.c.intent_id == IntentRow.intent_id)
    .where(type_coerce(IntentRow.request, JSON)["text"].as_string() == bindparam("text"))
    .order_by(IntentRow.published_at.desc())
)
"""Receipts of the account's newest published intents with this text, newest first (`account`, `intent`, `text`)."""
