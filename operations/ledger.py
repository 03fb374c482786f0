"""The action ledger: what was done or tried, with its outcome, as the lake takes it in.

Belongs here: intents as `LedgerEntry` rows.
Does not belong here: who did what when (`audit.py`), what is still to be done (`parked.py`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from contracts.records import LedgerEntry
from contracts.scope import TenantScope
from operations.models import ApprovalRow, IntentRow, RevisionRow
from operations.part import StorePart, within
from operations.states import IntentState


class ActionLedger(StorePart):
    """The store's face for the ledger."""

    def ledger(self, scope: TenantScope, *, day: date | None = None) -> tuple[LedgerEntry, ...]:
        """Actions whose last change fell on this business day (UTC); all when None. By time of change.

        An intent that still waits for its slot, untouched, is no action yet.
        """
        query = (
            select(IntentRow, RevisionRow)
            .join(
                RevisionRow,
                (RevisionRow.content_item_id == IntentRow.content_item_id)
                & (RevisionRow.revision == IntentRow.revision),
            )
            .where(
                within(scope, IntentRow.client_id),
                or_(IntentRow.state != IntentState.PENDING.value, IntentRow.request.is_not(None)),
            )
            .order_by(IntentRow.changed_at, IntentRow.intent_id)
        )
        if day is not None:
            start = datetime.combine(day, time(), UTC)
            query = query.where(IntentRow.changed_at >= start, IntentRow.changed_at < start + timedelta(days=1))
        with self._database.read() as session:
            found = session.execute(query).all()
            approvals = _approvals(session, [intent.content_item_id for intent, _ in found])
            return tuple(
                _entry(intent, revision, approvals.get((intent.content_item_id, intent.revision)))
                for intent, revision in found
            )


def _approvals(session: Session, ids: Sequence[str]) -> Mapping[tuple[str, int], ApprovalRow]:
    """The newest yes to each revision."""
    query = (
        select(ApprovalRow)
        .where(ApprovalRow.content_item_id.in_(ids), ApprovalRow.verdict == "approved")
        .order_by(ApprovalRow.approval_id)
    )
    return {(row.content_item_id, row.revision): row for row in session.scalars(query)}


def _entry(intent: IntentRow, revision: RevisionRow, approval: ApprovalRow | None) -> LedgerEntry:
    body, receipt = revision.body, intent.receipt
    return LedgerEntry.model_validate(
        {
            "ledger_id": intent.intent_id,
            "client_id": intent.client_id,
            "account_id": intent.account_id,
            "network": intent.network,
            "action": intent.action,
            "content_item_id": intent.content_item_id,
            "revision": intent.revision,
            "occurrence": intent.occurrence,
            "state": intent.state,
            "reason": intent.reason,
            "post_id": f"{intent.network}:{receipt.native_id}" if receipt and not receipt.is_provisional else None,
            "permalink": receipt.permalink if receipt else None,
            "scheduled_at": intent.scheduled_at,
            "published_at": intent.published_at,
            "commit_calls": intent.commit_calls,
            "approved_by": approval.actor if approval else None,
            "approved_at": approval.decided_at if approval else None,
            "text_sha256": hashlib.sha256(body.text.encode()).hexdigest(),
            "forecast": body.forecast,
            "decision_ids": tuple(decision.decision_id for decision in body.decisions),
            "pillar_id": body.pillar_id,
            "recorded_at": intent.changed_at,
        }
    )
