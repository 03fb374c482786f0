"""The editorial desk: drafts, revisions, approvals, slots, and what a person may still change before a post is out.

Belongs here: every change of a content item by a person or a plan, each with its actor, each in one transaction.
Does not belong here: approval by policy (`approving.py`), sending (`sending.py`), what to do about parked intents (`parked.py`).

An approval is for one revision. An edit makes a new revision, so what was approved is no longer what would be sent, and the intent waits
until somebody approves again. An intent whose commit was announced may be visible already: its item can no longer be changed here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session

from contracts.networks import ContentFormat
from contracts.records import ContentItem, Forecast, Media, PublishOptions
from contracts.scope import TenantScope
from operations.audit import record_event
from operations.intents import add_occurrence, count_occurrences, move, newest_intent, queue, start_afresh
from operations.models import AccountRow, ApprovalRow, ClientRow, ContentItemRow, IntentRow, MessageRow, RevisionRow
from operations.part import StorePart, within
from operations.states import (
    EDITABLE_ITEM_STATES,
    PROMISED_INTENT_STATES,
    UNSENT_INTENT_STATES,
    IntentState,
    ItemState,
    ItemStateError,
    UnknownRecordError,
)

SYSTEM_ACTOR = "pulso"


@dataclass(frozen=True)
class Approval:
    """A yes or a no to one revision."""

    revision: int
    verdict: str
    actor: str
    is_by_policy: bool
    decided_at: datetime
    reason: str | None
    is_in_force: bool


@dataclass(frozen=True)
class ItemView:
    """A content item as the calendar shows it: the current revision, its state, its approval and its newest intent."""

    item: ContentItem
    state: ItemState
    is_slot_held: bool
    approval: Approval | None
    intent_id: str | None
    intent_state: IntentState | None
    reason_code: str | None
    reason: str | None
    occurrence: int | None
    permalink: str | None
    published_at: datetime | None


@dataclass(frozen=True)
class Revision:
    """What an item said at one revision, and who wrote it."""

    item: ContentItem
    edited_by: str
    edited_at: datetime


def current_item(row: ContentItemRow, revision: RevisionRow) -> ContentItem:
    """The contracts record of an item at a revision, with the slot it has now."""
    return revision.body.model_copy(update={"revision": revision.revision, "scheduled_at": row.scheduled_at})


def locked_item(session: Session, content_item_id: str) -> ContentItemRow:
    """The head of an item, held until the caller's transaction ends. Raises UnknownRecordError."""
    row = session.get(ContentItemRow, content_item_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise UnknownRecordError(f"There is no content item {content_item_id}.")
    return row


def approve_revision(
    session: Session, row: ContentItemRow, *, actor: str, at: datetime, is_by_policy: bool, reason: str | None = None
) -> None:
    """Approve the current revision of a draft and put it into the outbox. A reply is due at once; a post needs its slot."""
    slot = row.scheduled_at or (at if row.is_reply else None)
    if slot is None:
        raise ItemStateError("Give the post a slot before you approve it.")
    session.add(
        ApprovalRow(
            content_item_id=row.content_item_id,
            revision=row.revision,
            client_id=row.client_id,
            verdict="approved",
            actor=actor,
            is_by_policy=is_by_policy,
            reason=reason,
            decided_at=at,
        )
    )
    row.state = ItemState.APPROVED.value
    tell_item(session, row, "item_approved", actor=actor, at=at, is_by_policy=is_by_policy, reason=reason)
    session.flush()
    queue(session, row, scheduled_at=slot, at=at, actor=actor)


def tell_item(session: Session, row: ContentItemRow, action: str, *, actor: str, at: datetime, **detail: Any) -> None:
    """Put a change of an item on record."""
    record_event(
        session,
        at=at,
        client_id=row.client_id,
        actor=actor,
        action=action,
        subject_type="content_item",
        subject_id=row.content_item_id,
        revision=row.revision,
        **detail,
    )


class EditorialDesk(StorePart):
    """The store's face for content items."""

    def content_items(self, scope: TenantScope, *, states: Sequence[str] = ()) -> tuple[ContentItem, ...]:
        """Current revisions, by slot then id; in any state unless some are named. Raises ValueError for an unknown state."""
        query = (
            select(ContentItemRow, RevisionRow)
            .join(RevisionRow, _is_current)
            .where(within(scope, ContentItemRow.client_id))
            .order_by(ContentItemRow.scheduled_at, ContentItemRow.content_item_id)
        )
        if states:
            query = query.where(ContentItemRow.state.in_([ItemState(state).value for state in states]))
        with self._database.read() as session:
            return tuple(current_item(row, revision) for row, revision in session.execute(query))

    def calendar(
        self,
        scope: TenantScope,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        states: Sequence[str] = (),
        content_item_id: str | None = None,
    ) -> tuple[ItemView, ...]:
        """Items with all that a person needs to judge them, by slot. With `start` or `end`: those with a slot in [start, end)."""
        query = (
            select(ContentItemRow, RevisionRow)
            .join(RevisionRow, _is_current)
            .where(within(scope, ContentItemRow.client_id))
            .order_by(ContentItemRow.scheduled_at, ContentItemRow.content_item_id)
        )
        if start is not None:
            query = query.where(ContentItemRow.scheduled_at >= start)
        if end is not None:
            query = query.where(ContentItemRow.scheduled_at < end)
        if states:
            query = query.where(ContentItemRow.state.in_([ItemState(state).value for state in states]))
        if content_item_id is not None:
            query = query.where(ContentItemRow.content_item_id == content_item_id)
        with self._database.read() as session:
            found = session.execute(query).all()
            ids = [row.content_item_id for row, _ in found]
            intents, approvals = _newest_intents(session, ids), _newest_approvals(session, ids)
            return tuple(
                _view(row, revision, intents.get(row.content_item_id), approvals.get(row.content_item_id))
                for row, revision in found
            )

    def item(self, scope: TenantScope, content_item_id: str) -> ItemView:
        """One item. Raises UnknownRecordError when the scope holds none such."""
        views = self.calendar(scope, content_item_id=content_item_id)
        if not views:
            raise UnknownRecordError(f"There is no content item {content_item_id} in this scope.")
        return views[0]

    def revisions(self, scope: TenantScope, content_item_id: str) -> tuple[Revision, ...]:
        """Everything that an item ever said, oldest first."""
        query = (
            select(RevisionRow)
            .join(ContentItemRow, ContentItemRow.content_item_id == RevisionRow.content_item_id)
            .where(within(scope, ContentItemRow.client_id), RevisionRow.content_item_id == content_item_id)
            .order_by(RevisionRow.revision)
        )
        with self._database.read() as session:
            return tuple(Revision(row.body, row.edited_by, row.edited_at) for row in session.scalars(query))

    def approvals(self, scope: TenantScope, content_item_id: str) -> tuple[Approval, ...]:
        """Every yes and no that an item was given, oldest first."""
        query = (
            select(ApprovalRow)
            .where(within(scope, ApprovalRow.client_id), ApprovalRow.content_item_id == content_item_id)
            .order_by(ApprovalRow.approval_id)
        )
        with self._database.read() as session:
            return tuple(_approval(row) for row in session.scalars(query))

    def save_drafts(self, items: Sequence[ContentItem]) -> int:
        """Insert new content items as drafts; those that exist are left alone. Returns how many were new.

        Raises ValueError when an item's account is not its client's.
        """
        new, now = 0, self._clock.now()
        with self._database.write() as session:
            for item in items:
                if session.get(ContentItemRow, item.content_item_id) is not None:
                    continue
                account = session.get(AccountRow, item.account_id)
                if account is None or account.client_id != item.client_id:
                    raise ValueError(f"{item.account_id} is no account of {item.client_id}.")
                row = ContentItemRow(
                    content_item_id=item.content_item_id,
                    client_id=item.client_id,
                    account_id=item.account_id,
                    network=item.network.value,
                    state=ItemState.DRAFT.value,
                    revision=1,
                    scheduled_at=item.scheduled_at,
                    is_slot_held=False,
                    is_reply=item.is_reply,
                    reply_to_comment_id=item.reply_to_comment_id,
                    created_at=item.created_at,
                )
                session.add(row)
                session.flush()
                _write_revision(session, row, item, actor=SYSTEM_ACTOR, at=now)
                tell_item(session, row, "item_drafted", actor=SYSTEM_ACTOR, at=now)
                new += 1
        return new

    def propose_slots(self, slots: Mapping[str, datetime]) -> int:
        """Set `scheduled_at` of drafts that no person has moved. Returns how many changed."""
        changed, now = 0, self._clock.now()
        with self._database.write() as session:
            for content_item_id, slot in sorted(slots.items()):
                row = locked_item(session, content_item_id)
                if row.state != ItemState.DRAFT.value or row.is_slot_held or row.scheduled_at == slot:
                    continue
                row.scheduled_at = slot
                tell_item(
                    session,
                    row,
                    "slot_proposed",
                    actor=SYSTEM_ACTOR,
                    at=now,
                    scheduled_at=slot.isoformat(),
                )
                changed += 1
        return changed

    def edit(
        self,
        content_item_id: str,
        *,
        actor: str,
        revision: int,
        text: str | None = None,
        media: Sequence[Media] | None = None,
        content_format: ContentFormat | None = None,
        options: PublishOptions | None = None,
        is_advertising: bool | None = None,
        forecast: Forecast | None = None,
    ) -> ContentItem:
        """Write a new revision over the one that the editor saw; approvals of earlier ones no longer count.

        The forecast is of the text, so it is dropped unless a new one is given. Raises ItemStateError when somebody else was faster
        or the item can no longer be changed.
        """
        now = self._clock.now()
        with self._database.write() as session:
            row = _changeable(session, content_item_id)
            _refuse_repost(newest_intent(session, content_item_id))
            _require_revision(row, revision)
            before = session.get_one(RevisionRow, (content_item_id, revision)).body
            changes: dict[str, Any] = {"forecast": forecast}
            if text is not None:
                changes["text"] = text
            if media is not None:
                changes["media"] = tuple(media)
            if content_format is not None:
                changes["content_format"] = content_format
            if options is not None:
                changes["options"] = options
            if is_advertising is not None:
                changes["is_advertising"] = is_advertising
            row.revision += 1
            after = before.model_copy(update={**changes, "revision": row.revision})
            _write_revision(session, row, after, actor=actor, at=now)
            _revoke(session, row, at=now)
            row.state = ItemState.DRAFT.value
            tell_item(session, row, "item_edited", actor=actor, at=now)
            session.flush()
            return current_item(row, session.get_one(RevisionRow, (content_item_id, row.revision)))

    def answer_message(self, message_id: str, text: str, *, actor: str) -> str:
        """A person's answer to a direct message, approved by being written. Returns the content item's id.

        Raises UnknownRecordError where no such message is kept, ItemStateError where it has an answer already.
        """
        with self._database.read() as session:
            message = session.get(MessageRow, message_id)
            if message is None:
                raise UnknownRecordError(f"There is no message {message_id}.")
            answered = message.body
            language = session.get_one(ClientRow, message.client_id).language
        item = ContentItem(
            content_item_id=str(uuid5(NAMESPACE_URL, f"pulso:message-answer:{message_id}")),
            client_id=answered.client_id,
            account_id=answered.account_id,
            network=answered.network,
            text=text,
            content_format=ContentFormat.TEXT,
            language=language,
            reply_to_message_id=message_id,
            needs_person=True,
            created_at=self._clock.now(),
        )
        if not self.save_drafts([item]):
            raise ItemStateError(f"{message_id} has an answer already: edit it, or answer a later message.")
        self.approve(item.content_item_id, actor=actor, revision=1)
        return item.content_item_id

    def approve(self, content_item_id: str, *, actor: str, revision: int, reason: str | None = None) -> None:
        """Approve the revision that the person saw, and put it into the outbox. Raises ItemStateError."""
        now = self._clock.now()
        with self._database.write() as session:
            row = locked_item(session, content_item_id)
            _require_revision(row, revision)
            if row.state == ItemState.APPROVED.value:
                return
            if row.state != ItemState.DRAFT.value:
                raise ItemStateError(f"The item is {row.state}: edit or reschedule it first.")
            approve_revision(session, row, actor=actor, at=now, is_by_policy=False, reason=reason)

    def reject(self, content_item_id: str, *, actor: str, reason: str | None = None) -> None:
        """Say no to the current revision; nothing of it will be sent. An edit makes a draft of it again. Raises ItemStateError."""
        now = self._clock.now()
        with self._database.write() as session:
            row = _changeable(session, content_item_id)
            _refuse_repost(newest_intent(session, content_item_id))
            _revoke(session, row, at=now)
            session.add(
                ApprovalRow(
                    content_item_id=content_item_id,
                    revision=row.revision,
                    client_id=row.client_id,
                    verdict="rejected",
                    actor=actor,
                    is_by_policy=False,
                    reason=reason,
                    decided_at=now,
                )
            )
            _withdraw(session, row, at=now, actor=actor, code="rejected", reason=reason)
            row.state = ItemState.REJECTED.value
            tell_item(session, row, "item_rejected", actor=actor, at=now, reason=reason)

    def cancel(self, content_item_id: str, *, actor: str, reason: str | None = None) -> None:
        """Take an item back before it is out. Raises ItemStateError once its commit was announced."""
        now = self._clock.now()
        with self._database.write() as session:
            row = _changeable(session, content_item_id)
            if row.state == ItemState.CANCELLED.value:
                return
            intent = _withdraw(session, row, at=now, actor=actor, code="cancelled", reason=reason)
            if intent is None or intent.occurrence == 1:
                row.state = ItemState.CANCELLED.value
            tell_item(session, row, "item_cancelled", actor=actor, at=now, reason=reason)

    def reschedule(self, content_item_id: str, *, actor: str, scheduled_at: datetime) -> None:
        """Move an item to another slot and hold it there against planning. What is approved stays approved.

        A missed item whose approval still stands is queued again under the same intent. Raises ItemStateError.
        """
        now = self._clock.now()
        with self._database.write() as session:
            row = _changeable(session, content_item_id)
            if row.state not in (ItemState.DRAFT, ItemState.APPROVED, ItemState.MISSED):
                raise ItemStateError(f"The item is {row.state}: edit it first.")
            before = row.scheduled_at
            row.scheduled_at, row.is_slot_held = scheduled_at, True
            tell_item(
                session,
                row,
                "item_rescheduled",
                actor=actor,
                at=now,
                before=before.isoformat() if before else None,
                after=scheduled_at.isoformat(),
            )
            intent = newest_intent(session, content_item_id)
            if row.state == ItemState.MISSED.value:
                queue(session, row, scheduled_at=scheduled_at, at=now, actor=actor)
            elif intent is not None and intent.state == IntentState.PENDING.value:
                intent.scheduled_at, intent.changed_at = scheduled_at, now

    def repost(self, content_item_id: str, *, actor: str, scheduled_at: datetime) -> str:
        """Send a published post once more, on purpose: a new occurrence of the same text. Returns the new intent's id.

        Asking for it is a person's approval of it. Raises ItemStateError unless the item is published.
        """
        now = self._clock.now()
        with self._database.write() as session:
            row = locked_item(session, content_item_id)
            if row.state != ItemState.PUBLISHED.value or row.is_reply:
                raise ItemStateError("Only a published post can be posted once more.")
            row.scheduled_at, row.is_slot_held = scheduled_at, True
            occurrence = count_occurrences(session, content_item_id) + 1
            intent = add_occurrence(session, row, occurrence=occurrence, scheduled_at=scheduled_at, at=now, actor=actor)
            tell_item(session, row, "item_reposted", actor=actor, at=now, occurrence=occurrence)
            return intent.intent_id

    def taken_slots(self, scope: TenantScope, *, start: datetime, end: datetime) -> Mapping[str, tuple[datetime, ...]]:
        """Times per account_id in [start, end) that are published or promised already: intents, and slots that a person holds."""
        sent_or_queued = select(IntentRow.account_id, IntentRow.published_at, IntentRow.scheduled_at).where(
            within(scope, IntentRow.client_id),
            IntentRow.action == "publish",
            IntentRow.state.in_([state.value for state in PROMISED_INTENT_STATES]),
        )
        held = select(ContentItemRow.account_id, ContentItemRow.scheduled_at).where(
            within(scope, ContentItemRow.client_id),
            ContentItemRow.state == ItemState.DRAFT.value,
            ContentItemRow.is_slot_held,
            ContentItemRow.scheduled_at.is_not(None),
        )
        taken: dict[str, set[datetime]] = {}
        with self._database.read() as session:
            for account_id, published_at, scheduled_at in session.execute(sent_or_queued):
                taken.setdefault(account_id, set()).add(published_at or scheduled_at)
            for account_id, scheduled_at in session.execute(held):
                taken.setdefault(account_id, set()).add(scheduled_at)
        within_span = {
            account_id: tuple(sorted(moment for moment in moments if start <= moment < end))
            for account_id, moments in taken.items()
        }
        return {account_id: moments for account_id, moments in within_span.items() if moments}

    def answered_comment_ids(self, scope: TenantScope) -> frozenset[str]:
        """Comments that have an answer, drafted or sent. A rejected draft counts: a person has decided."""
        query = select(ContentItemRow.reply_to_comment_id).where(
            within(scope, ContentItemRow.client_id), ContentItemRow.reply_to_comment_id.is_not(None)
        )
        with self._database.read() as session:
            return frozenset(found for found in session.scalars(query) if found is not None)


_is_current = and_(
    RevisionRow.content_item_id == ContentItemRow.content_item_id, RevisionRow.revision == ContentItemRow.revision
)


def _changeable(session: Session, content_item_id: str) -> ContentItemRow:
    row = locked_item(session, content_item_id)
    intent = newest_intent(session, content_item_id)
    if intent is not None and intent.state == IntentState.COMMITTING.value:
        raise ItemStateError("The post is being sent at this moment: wait for the outcome.")
    if ItemState(row.state) not in EDITABLE_ITEM_STATES:
        raise ItemStateError(f"The item is {row.state}: it can no longer be changed.")
    return row


def _write_revision(session: Session, row: ContentItemRow, item: ContentItem, *, actor: str, at: datetime) -> None:
    body = item.model_copy(update={"revision": row.revision})
    session.add(
        RevisionRow(
            content_item_id=row.content_item_id,
            revision=row.revision,
            body=body,
            edited_by=actor,
            edited_at=at,
        )
    )
    session.flush()


def _revoke(session: Session, row: ContentItemRow, *, at: datetime) -> None:
    session.execute(
        update(ApprovalRow)
        .where(ApprovalRow.content_item_id == row.content_item_id, ApprovalRow.revoked_at.is_(None))
        .values(revoked_at=at)
    )


def _withdraw(
    session: Session, row: ContentItemRow, *, at: datetime, actor: str, code: str, reason: str | None
) -> IntentRow | None:
    intent = newest_intent(session, row.content_item_id)
    if intent is not None and IntentState(intent.state) in UNSENT_INTENT_STATES:
        start_afresh(intent)
        move(session, intent, IntentState.CANCELLED, at=at, actor=actor, code=code, reason=reason)
    return intent


def _require_revision(row: ContentItemRow, revision: int) -> None:
    if row.revision != revision:
        raise ItemStateError(
            f"The item was changed meanwhile (revision {row.revision}, not {revision}): look at it again."
        )


def _refuse_repost(intent: IntentRow | None) -> None:
    if intent is not None and intent.occurrence > 1:
        raise ItemStateError("A repost repeats what was published: cancel it and draft a new item instead.")


def _newest_intents(session: Session, ids: Sequence[str]) -> dict[str, IntentRow]:
    query = select(IntentRow).where(IntentRow.content_item_id.in_(ids)).order_by(IntentRow.occurrence)
    return {intent.content_item_id: intent for intent in session.scalars(query)}


def _newest_approvals(session: Session, ids: Sequence[str]) -> dict[str, ApprovalRow]:
    query = select(ApprovalRow).where(ApprovalRow.content_item_id.in_(ids)).order_by(ApprovalRow.approval_id)
    return {approval.content_item_id: approval for approval in session.scalars(query)}


def _approval(row: ApprovalRow) -> Approval:
    return Approval(
        row.revision, row.verdict, row.actor, row.is_by_policy, row.decided_at, row.reason, row.revoked_at is None
    )


def _view(
    row: ContentItemRow, revision: RevisionRow, intent: IntentRow | None, approval: ApprovalRow | None
) -> ItemView:
    return ItemView(
        item=current_item(row, revision),
        state=ItemState(row.state),
        is_slot_held=row.is_slot_held,
        approval=_approval(approval) if approval is not None else None,
        intent_id=intent.intent_id if intent else None,
        intent_state=IntentState(intent.state) if intent else None,
        reason_code=intent.reason_code if intent else None,
        reason=intent.reason if intent else None,
        occurrence=intent.occurrence if intent else None,
        permalink=intent.receipt.permalink if intent and intent.receipt else None,
        published_at=intent.published_at if intent else None,
    )
