"""Approval by policy: what each client's autonomy lets Pulso send without a person.

Belongs here: which drafts qualify, by the client's autonomy and approval policy, after the send rules were run on them again.
Does not belong here: the send rules (`policy`), a person's approval (`content.py`).
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.records import Autonomy, Client, ContentItem
from contracts.scope import TenantScope
from operations.audit import POLICY_ACTOR
from operations.content import approve_revision, current_item, locked_item
from operations.directory import client_record
from operations.models import ClientRow, ContentItemRow, IntentRow, RevisionRow
from operations.part import StorePart, within
from operations.states import PROMISED_INTENT_STATES, ItemState
from operations.terms import limits_of_account


class PolicyApproval(StorePart):
    """The store's face for approval by policy."""

    def approve_by_policy(self, scope: TenantScope) -> int:
        """Approve what each client's autonomy and approval policy allow, and put it into the outbox. Returns how many.

        - manual: nothing.
        - assisted: a post that the send rules allow and whose forecast ranks at least at `min_forecast_percentile`; without a forecast
          a person decides.
        - autonomous: every post that the send rules allow.
        - A reply, for either: allowed, nobody asked for a person, and the comment was understood at least as surely as
          `min_reply_confidence`.

        Posts need a slot, at least `approval_lead_hours` ahead. What a person has rejected or edited is theirs to approve.
        """
        query = (
            select(ContentItemRow.content_item_id)
            .join(ClientRow, ClientRow.client_id == ContentItemRow.client_id)
            .where(
                within(scope, ContentItemRow.client_id),
                ContentItemRow.state == ItemState.DRAFT.value,
                ContentItemRow.revision == 1,
                ClientRow.autonomy != Autonomy.MANUAL.value,
                ClientRow.is_active,
            )
            .order_by(ContentItemRow.scheduled_at, ContentItemRow.content_item_id)
        )
        with self._database.read() as session:
            candidates = session.scalars(query).all()
        now = self._clock.now()
        return sum(self._approve_if_safe(content_item_id, now) for content_item_id in candidates)

    def _approve_if_safe(self, content_item_id: str, now: datetime) -> bool:
        with self._database.write() as session:
            row = locked_item(session, content_item_id)
            if row.state != ItemState.DRAFT.value or row.revision != 1:
                return False
            client = client_record(session.get_one(ClientRow, row.client_id))
            item = current_item(row, session.get_one(RevisionRow, (content_item_id, row.revision)))
            if not (_is_reply_safe(item, client) if row.is_reply else _is_post_safe(item, client, now)):
                return False
            verdict = self._rules(
                item,
                client,
                now=now,
                published_times=_promised_times(session, row.account_id),
                limits=limits_of_account(session, row.account_id, item.network),
            )
            if not verdict.is_allowed:
                return False
            approve_revision(
                session, row, actor=POLICY_ACTOR, at=now, is_by_policy=True, reason=f"{client.autonomy.value} client"
            )
            return True


def _is_post_safe(item: ContentItem, client: Client, now: datetime) -> bool:
    policy = client.approval_policy
    if (
        item.needs_person
        or item.scheduled_at is None
        or item.scheduled_at - now < timedelta(hours=policy.approval_lead_hours)
    ):
        return False
    if client.autonomy is Autonomy.AUTONOMOUS:
        return True
    percentile = item.forecast.percentile if item.forecast else None
    return (
        client.autonomy is Autonomy.ASSISTED and percentile is not None and percentile >= policy.min_forecast_percentile
    )


def _is_reply_safe(item: ContentItem, client: Client) -> bool:
    return (
        client.autonomy is not Autonomy.MANUAL
        and not item.needs_person
        and item.reply_confidence is not None
        and item.reply_confidence >= client.approval_policy.min_reply_confidence
    )


def _promised_times(session: Session, account_id: str) -> tuple[datetime, ...]:
    query = select(IntentRow.published_at, IntentRow.scheduled_at).where(
        IntentRow.account_id == account_id,
        IntentRow.action == "publish",
        IntentRow.state.in_([state.value for state in PROMISED_INTENT_STATES]),
    )
    return tuple(published_at or scheduled_at for published_at, scheduled_at in session.execute(query))
