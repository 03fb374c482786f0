"""The publisher's transactions: whose turn it is, may it be sent, what was announced, what came of it.

Belongs here: every read and write that the publisher makes, each one transaction, fenced by the lease of the account's lane.
Does not belong here: calls to networks and the order of the steps (`publisher.py`).

A lane is the queue of one account. One publisher at a time holds its lease, so that an account's posts go out in order and no two
processes work on the same row. Leases run on machine time; a holder that died loses it by doing nothing. A holder that
lost its lease finds out at its next write, which is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

from sqlalchemy import JSON, func, select, type_coerce
from sqlalchemy.orm import Session

from contracts.clock import Clock
from contracts.networks import Network
from contracts.records import Client, ContentItem, PublishRequest, Receipt, Staging
from operations import outbox_queries
from operations.audit import PUBLISHER_ACTOR, record_event
from operations.content import current_item, locked_item
from operations.conversations import message_target
from operations.database import Database
from operations.directory import account_record, client_record
from operations.intents import hold, move
from operations.machine import MachineTime
from operations.models import AccountRow, ClientRow, ContentItemRow, IntentRow, LaneRow, RevisionRow
from operations.part import SendRules
from operations.states import IntentState, ItemState, LeaseLostError, ParkReason
from operations.stops import locked_stop_reason
from operations.terms import limits_of_account
from policy import NetworkLimits

LOOKED_BACK = timedelta(days=2)
"""No rule about time looks further back than a calendar day of 25 hours, but for the gap between posts, which a client chooses."""
POLICY_HOLD_SECONDS = 60.0
"""How long an intent that a rule about time holds back lets others of its account pass."""


@dataclass(frozen=True)
class Lease:
    """The right to work on one account's lane until it runs out."""

    account_id: str
    token: str


@dataclass(frozen=True)
class Turn:
    """The intent whose turn it is, and how long it still has to wait (machine time)."""

    intent_id: str
    network: Network
    is_reply: bool
    state: IntentState
    reason_code: str | None
    tries: int
    looks: int
    """Readings that were answered and did not show it, since a commit was announced of which it was certain that nothing was there."""
    wait_seconds: float
    committing_since: datetime | None
    request: PublishRequest | None
    staging: Staging | None


@dataclass(frozen=True)
class Refusal:
    """Why an intent may not be sent now. `becomes` is PENDING where that may change by itself."""

    becomes: IntentState
    code: str
    reason: str
    lets_others_pass: bool = False


@dataclass(frozen=True)
class _Locked:
    """An intent and all that the right to send it depends on, held until the transaction ends."""

    item: ContentItemRow
    intent: IntentRow
    lane: LaneRow


class Sending:
    """One publisher's view of the outbox. Every method is one transaction; those that take a lease raise LeaseLostError."""

    def __init__(
        self, database: Database, *, clock: Clock, machine: MachineTime, rules: SendRules, lease_seconds: float
    ) -> None:
        self._database = database
        self._clock = clock
        self._machine = machine
        self._rules = rules
        self._lease_for = timedelta(seconds=lease_seconds)

    # --- lanes ---------------------------------------------------------------------------------------------------------

    def expire(self) -> list[tuple[str, str]]:
        """Let every slot that was missed by more than its window go, approved or not. Returns (intent_id, reason) of each."""
        now = self._clock.now()
        query = (
            select(IntentRow.intent_id, IntentRow.scheduled_at, IntentRow.content_item_id, ClientRow)
            .join(ClientRow, ClientRow.client_id == IntentRow.client_id)
            .where(
                IntentRow.state == IntentState.PENDING.value,
                IntentRow.action == "publish",
            )
        )
        shortest = func.min(type_coerce(ClientRow.posting_rules, JSON)["late_window_minutes"].as_integer())
        with self._database.read() as session:
            window = timedelta(minutes=session.scalars(select(shortest)).one() or 0)
            query = query.where(IntentRow.scheduled_at < now - window)
            late = [
                (intent_id, content_item_id)
                for intent_id, scheduled_at, content_item_id, client in session.execute(query)
                if now - scheduled_at > _late_window(client)
            ]
        gone = []
        for intent_id, content_item_id in late:
            with self._database.write() as session:
                locked_item(session, content_item_id)
                intent = session.get_one(IntentRow, intent_id, with_for_update=True)
                window = _late_window(session.get_one(ClientRow, intent.client_id))
                if intent.state == IntentState.PENDING.value and now - intent.scheduled_at > window:
                    reason = _missed_reason(intent, now)
                    move(session, intent, IntentState.MISSED, at=now, code="missed", reason=reason)
                    gone.append((intent_id, reason))
        return gone

    def lanes(self, *, patience_seconds: float = 0.0) -> list[tuple[str, Network]]:
        """Accounts with an intent that can be taken up within `patience_seconds`, the longest waiting first."""
        with self._database.read() as session:
            rows = session.execute(outbox_queries.TAKEABLE_LANES, self._moments(patience_seconds))
            return [(account_id, Network(network)) for account_id, network in rows]

    def due(self) -> int:
        """Intents that a drain would take up now."""
        with self._database.read() as session:
            return session.scalars(outbox_queries.TAKEABLE_COUNT, self._moments(0.0)).one()

    def lease(self, account_id: str) -> Lease | None:
        """Take the lane, or None where another publisher holds it."""
        lease = Lease(account_id, uuid4().hex)
        now = self._machine.now()
        with self._database.write(is_durable=False) as session:
            values = {"account": account_id, "token": lease.token, "machine_now": now, "until": now + self._lease_for}
            taken = session.execute(outbox_queries.LEASED, values).first()
        return lease if taken else None

    def release(self, lease: Lease) -> None:
        """Give the lane back; nothing happens where it is somebody else's by now."""
        with self._database.write(is_durable=False) as session:
            session.execute(outbox_queries.RELEASED, {"account": lease.account_id, "token": lease.token})

    def next_turn(self, lease: Lease) -> Turn | None:
        """The first intent of the lane that is to be worked on, by slot; None when there is nothing or the lane is held back."""
        machine_now = self._machine.now()
        with self._database.read() as session:
            lane = session.get_one(LaneRow, lease.account_id)
            if lane.lease_token != lease.token:
                raise LeaseLostError(lease.account_id)
            values = {"account": lease.account_id, "now": self._clock.now(), "machine_now": machine_now}
            intent = session.scalars(outbox_queries.NEXT_INTENT, values).one_or_none()
            if intent is None or lane.paused_at is not None:
                return None
            waits = [moment for moment in (lane.deferred_until, intent.next_try_at) if moment is not None]
            return Turn(
                intent_id=intent.intent_id,
                network=Network(intent.network),
                is_reply=intent.action == "reply",
                state=IntentState(intent.state),
                reason_code=intent.reason_code,
                tries=intent.tries,
                looks=intent.looks,
                wait_seconds=max([0.0, *((moment - machine_now).total_seconds() for moment in waits)]),
                committing_since=intent.committing_since,
                request=intent.request,
                staging=intent.staging,
            )

    # --- one intent ----------------------------------------------------------------------------------------------------

    def take_up(self, lease: Lease, intent_id: str) -> tuple[PublishRequest, Staging | None] | Refusal:
        """Check everything again and build what the connector needs, from the revision that is current now.

        A staging of an older revision is dropped: it is invisible and says something else.
        """
        now = self._clock.now()
        with self._database.write(is_durable=False) as session:
            locked = self._lock(session, lease, intent_id)
            refusal = self._judge(session, locked, now)
            if refusal is not None:
                self._apply(session, locked.intent, refusal, now)
                return refusal
            intent = locked.intent
            if intent.request is None or intent.revision != locked.item.revision:
                intent.request = self._request(session, locked, now)
                intent.revision = locked.item.revision
                intent.staging = None
            intent.reason_code = intent.reason = intent.next_try_at = None
            return intent.request, intent.staging

    def save_staging(self, lease: Lease, intent_id: str, request: PublishRequest, staging: Staging) -> None:
        """Persist what the network holds for us, before the next step."""
        with self._database.write(is_durable=False) as session:
            intent = self._lock(session, lease, intent_id).intent
            if intent.request == request:
                intent.staging, intent.tries = staging, 0

    def announce_commit(self, lease: Lease, intent_id: str, request: PublishRequest, staging: Staging) -> bool:
        """Write ahead that a commit call of this complete staging follows. False: it must not be made (the reason is on record).

        In the same transaction everything is checked once more: lease, stop, cancellation, approval of the revision that is staged, lateness
        and rules. From here on the post may be visible.
        """
        now = self._clock.now()
        with self._database.write() as session:
            locked = self._lock(session, lease, intent_id)
            intent = locked.intent
            if intent.request != request:
                return False
            if intent.staging != staging:
                intent.staging, intent.tries = staging, 0
            refusal = self._judge(session, locked, now)
            if refusal is not None:
                self._apply(session, intent, refusal, now)
                return False
            # A repeat follows a reading; a commit that is announced out of nothing has to be looked for as often as the first.
            intent.looks = intent.looks + 1 if intent.state == IntentState.COMMITTING.value else 0
            intent.commit_calls += 1
            intent.committing_since = self._machine.now()
            intent.next_try_at = None
            move(session, intent, IntentState.COMMITTING, at=now, reason="commit announced")
            return True

    def record_receipt(self, intent_id: str, receipt: Receipt) -> None:
        """Keep the network's proof. Needs no lease: what is true is recorded, whoever holds the lane by now."""
        now = self._clock.now()
        with self._database.write() as session:
            _item, intent = _locked_with_item(session, intent_id)
            if intent.state == IntentState.PUBLISHED.value:
                if intent.receipt is not None and intent.receipt.native_id != receipt.native_id:
                    self._tell_second_receipt(session, intent, receipt, now)
                return
            intent.receipt, intent.published_at = receipt, receipt.published_at
            intent.committing_since = intent.next_try_at = None
            if receipt.is_provisional:
                intent.unnamed_since, intent.tries = now, 0
            move(session, intent, IntentState.PUBLISHED, at=now, reason=receipt.how)

    def suspect(self, lease: Lease, intent_id: str, *, code: str, reason: str) -> None:
        """The network hints, before a commit, that an earlier one landed after all: the intent counts as unanswered again."""
        now = self._clock.now()
        with self._database.write() as session:
            intent = self._lock(session, lease, intent_id).intent
            intent.committing_since = self._machine.now()
            intent.looks = 0
            intent.tries += 1
            move(session, intent, IntentState.COMMITTING, at=now, code=code, reason=reason)

    def reopen(self, lease: Lease, intent_id: str, *, evidence: str) -> None:
        """The network's own state proves that no commit landed: the intent is pending again, with its staging."""
        now = self._clock.now()
        with self._database.write() as session:
            intent = self._lock(session, lease, intent_id).intent
            intent.committing_since = intent.next_try_at = None
            move(session, intent, IntentState.PENDING, at=now, code="not_published", reason=evidence)

    def try_later(
        self,
        lease: Lease,
        intent_id: str,
        *,
        code: str,
        reason: str,
        wait_seconds: float,
        is_unwritten: bool,
        is_look: bool = False,
    ) -> None:
        """Count a fruitless try and wait. `is_unwritten`: the network answered clearly that nothing was written. `is_look`: it was read, and
        did not show the post."""
        now = self._clock.now()
        with self._database.write() as session:
            intent = self._lock(session, lease, intent_id).intent
            intent.tries += 1
            intent.looks += is_look
            self._settle(session, intent, is_unwritten=is_unwritten, reason=reason, now=now)
            until = self._machine.now() + timedelta(seconds=wait_seconds)
            hold(intent, code=code, reason=reason, next_try_at=until)
            intent.changed_at = now

    def defer_lane(self, lease: Lease, intent_id: str, *, until: datetime, reason: str, is_unwritten: bool) -> None:
        """The network asked the account to wait until `until` (machine time)."""
        now = self._clock.now()
        with self._database.write() as session:
            locked = self._lock(session, lease, intent_id)
            locked.lane.deferred_until = until
            self._settle(session, locked.intent, is_unwritten=is_unwritten, reason=reason, now=now)
            is_unanswered = locked.intent.state == IntentState.COMMITTING.value
            known = locked.intent.reason_code if is_unanswered else None  # why it has to be read outlives the wait
            hold(locked.intent, code=known or "rate", reason=reason, next_try_at=None)

    def pause_lane(self, lease: Lease, intent_id: str, *, reason: str, is_unwritten: bool) -> None:
        """The network refuses the account: hold its lane until somebody connects it again, and park the intent until then."""
        now = self._clock.now()
        with self._database.write() as session:
            locked = self._lock(session, lease, intent_id)
            locked.lane.paused_at, locked.lane.paused_reason = now, reason
            if is_unwritten:
                locked.intent.committing_since = None
            move(session, locked.intent, IntentState.PARKED, at=now, code=ParkReason.RECONNECT.value, reason=reason)
            record_event(
                session,
                at=now,
                client_id=locked.intent.client_id,
                actor=PUBLISHER_ACTOR,
                action="account_paused",
                subject_type="account",
                subject_id=lease.account_id,
                reason=reason,
            )

    def fail(self, lease: Lease, intent_id: str, *, reason: str) -> None:
        """The network refuses the content for good, and wrote nothing."""
        now = self._clock.now()
        with self._database.write() as session:
            intent = self._lock(session, lease, intent_id).intent
            intent.committing_since = None
            move(session, intent, IntentState.FAILED, at=now, code="invalid", reason=reason)

    def park(self, lease: Lease, intent_id: str, *, code: ParkReason, reason: str) -> None:
        """Leave the intent to a person."""
        now = self._clock.now()
        with self._database.write() as session:
            intent = self._lock(session, lease, intent_id).intent
            if code is ParkReason.EXHAUSTED:
                intent.committing_since = None
            move(session, intent, IntentState.PARKED, at=now, code=code.value, reason=reason)

    # --- parts ---------------------------------------------------------------------------------------------------------

    def _lock(self, session: Session, lease: Lease, intent_id: str) -> _Locked:
        """Item, intent and lane, in the order that everybody locks them; the lease is renewed."""
        item, intent = _locked_with_item(session, intent_id)
        now = self._machine.now()
        values = {"account": lease.account_id, "token": lease.token, "machine_now": now, "until": now + self._lease_for}
        lane = session.scalars(outbox_queries.RENEWED, values).one_or_none()
        if lane is None:
            raise LeaseLostError(lease.account_id)
        return _Locked(item, intent, lane)

    def _judge(self, session: Session, locked: _Locked, now: datetime) -> Refusal | None:
        """Why the intent may not be sent at this moment; None when it may."""
        intent, item = locked.intent, locked.item
        if intent.state != IntentState.PENDING.value and intent.state != IntentState.COMMITTING.value:
            return Refusal(IntentState(intent.state), intent.reason_code or intent.state, intent.reason or intent.state)
        if item.state in (ItemState.CANCELLED.value, ItemState.REJECTED.value):
            return Refusal(IntentState.CANCELLED, item.state, f"the item is {item.state}")
        stopped = locked_stop_reason(session, intent.client_id)
        if stopped is not None:
            return Refusal(IntentState.PENDING, "stopped", stopped)
        if locked.lane.paused_at is not None:
            return Refusal(IntentState.PENDING, "paused", locked.lane.paused_reason or "the account is paused")
        revision = session.scalars(outbox_queries.APPROVED_REVISION, {"item": item.content_item_id}).one_or_none()
        if item.state != ItemState.APPROVED.value or revision is None:
            return Refusal(IntentState.PENDING, "not_approved", f"revision {item.revision} is not approved")
        if intent.scheduled_at > now:
            return Refusal(IntentState.PENDING, "not_due", "its slot was moved")
        client_row = session.get_one(ClientRow, intent.client_id)
        if intent.action == "publish" and now - intent.scheduled_at > _late_window(client_row):
            return Refusal(IntentState.MISSED, "missed", _missed_reason(intent, now))
        client = client_record(client_row)
        judged = current_item(item, revision)
        target = message_target(session, judged)
        if judged.reply_to_message_id is not None and target is None:
            reason = "the message that this answers is not known"
            return Refusal(IntentState.FAILED, "no_message", reason)
        since = now - max(LOOKED_BACK, timedelta(hours=client.posting_rules.min_gap_hours))
        return self._ask_rules(
            judged,
            client,
            now,
            _published_times(session, intent, since),
            limits_of_account(session, intent.account_id, Network(intent.network)),
            target.received_at if target else None,
        )

    def _ask_rules(
        self,
        item: ContentItem,
        client: Client,
        now: datetime,
        published_times: Sequence[datetime],
        limits: NetworkLimits,
        last_received_at: datetime | None,
    ) -> Refusal | None:
        """A rule about content refuses for good; a rule about time may let the post pass before its window closes."""
        rules = partial(self._rules, limits=limits, last_received_at=last_received_at)
        verdict = rules(item, client, now=now, published_times=published_times)
        if verdict.is_allowed:
            return None
        broken = [violation for violation in verdict.violations if violation.severity == "block"]
        reason = "; ".join(f"{v.message} {v.remedy}" if item.reply_to_message_id else v.message for v in broken)
        unscheduled = item.model_copy(update={"scheduled_at": None})
        if not rules(unscheduled, client, now=now).is_allowed:
            return Refusal(IntentState.FAILED, "policy", reason)
        return Refusal(IntentState.PENDING, "policy", reason, lets_others_pass=True)

    def _apply(self, session: Session, intent: IntentRow, refusal: Refusal, now: datetime) -> None:
        if intent.state != IntentState.PENDING.value:
            return  # an unanswered commit stays one, whatever forbids the next
        if refusal.becomes is IntentState.PENDING:
            until = self._machine.now() + timedelta(seconds=POLICY_HOLD_SECONDS) if refusal.lets_others_pass else None
            hold(intent, code=refusal.code, reason=refusal.reason, next_try_at=until)
        else:
            move(session, intent, refusal.becomes, at=now, code=refusal.code, reason=refusal.reason)

    def _settle(self, session: Session, intent: IntentRow, *, is_unwritten: bool, reason: str, now: datetime) -> None:
        if is_unwritten and intent.state == IntentState.COMMITTING.value:
            intent.committing_since = None
            move(session, intent, IntentState.PENDING, at=now, reason=reason)

    def _request(self, session: Session, locked: _Locked, now: datetime) -> PublishRequest:
        intent, item = locked.intent, locked.item
        body = session.get_one(RevisionRow, (item.content_item_id, item.revision)).body
        return PublishRequest(
            intent_id=intent.intent_id,
            account=account_record(session.get_one(AccountRow, intent.account_id)),
            text=body.text,
            content_format=body.content_format,
            media=body.media,
            options=body.options,
            language=body.language,
            reply_to_native_post_id=_native(body.reply_to_post_id),
            reply_to_native_comment_id=_native(body.reply_to_comment_id),
            message_to=message_target(session, body),
            created_at=intent.request.created_at if intent.request else now,
            claimed_native_ids=_claimed_native_ids(session, intent, body.text),
        )

    def _tell_second_receipt(self, session: Session, intent: IntentRow, receipt: Receipt, now: datetime) -> None:
        record_event(
            session,
            at=now,
            client_id=intent.client_id,
            actor=PUBLISHER_ACTOR,
            action="second_receipt",
            subject_type="intent",
            subject_id=intent.intent_id,
            first=intent.receipt.native_id if intent.receipt else None,
            second=receipt.native_id,
        )

    def _moments(self, patience_seconds: float) -> dict[str, datetime]:
        machine_now = self._machine.now()
        soon = machine_now + timedelta(seconds=patience_seconds)
        return {"now": self._clock.now(), "machine_now": machine_now, "soon": soon}


def _locked_with_item(session: Session, intent_id: str) -> tuple[ContentItemRow, IntentRow]:
    """An intent and its item, the item locked first."""
    item = session.scalars(outbox_queries.LOCKED_ITEM, {"intent": intent_id}).one()
    return item, session.scalars(outbox_queries.LOCKED_INTENT, {"intent": intent_id}).one()


def _late_window(client: ClientRow) -> timedelta:
    return timedelta(minutes=client.posting_rules.late_window_minutes)


def _missed_reason(intent: IntentRow, now: datetime) -> str:
    minutes = (now - intent.scheduled_at).total_seconds() / 60
    before = f"; held before: {intent.reason}" if intent.reason else ""
    return f"the slot was missed by {minutes:.0f} minutes{before}"


def _native(prefixed_id: str | None) -> str | None:
    """`bluesky:at://...` -> `at://...`: the id as the network knows it."""
    return None if prefixed_id is None else prefixed_id.split(":", 1)[1]


def _published_times(session: Session, intent: IntentRow, since: datetime) -> tuple[datetime, ...]:
    """When the account published, or may have, this intent excluded."""
    values = {"account": intent.account_id, "intent": intent.intent_id, "since": since}
    return tuple(session.scalars(outbox_queries.PUBLISHED_TIMES, values))


def _claimed_native_ids(session: Session, intent: IntentRow, text: str) -> tuple[str, ...]:
    """Receipts of the account's newest published intents with this text, newest first."""
    values = {"account": intent.account_id, "intent": intent.intent_id, "text": text}
    receipts = session.scalars(outbox_queries.CLAIMED_RECEIPTS, values)
    return tuple(receipt.native_id for receipt in receipts if receipt is not None)
