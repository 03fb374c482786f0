"""The audit trail: who did what to which record, and when.

Belongs here: adding an event within the transaction that it tells of, and reading the trail.
Does not belong here: logs for operators (structlog), the action ledger (`ledger.py`), which is about outcomes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from contracts.scope import TenantScope
from operations.models import AuditRow
from operations.part import StorePart

PUBLISHER_ACTOR = "publisher"
POLICY_ACTOR = "policy"


@dataclass(frozen=True)
class AuditEvent:
    """One line of the trail. `client_id` is None where the event concerned all clients."""

    audit_id: int
    at: datetime
    """Business time."""
    recorded_at: datetime
    """Machine time."""
    client_id: str | None
    actor: str
    action: str
    subject_type: str
    subject_id: str
    detail: dict[str, Any]


def record_event(
    session: Session,
    *,
    at: datetime,
    client_id: str | None,
    actor: str,
    action: str,
    subject_type: str,
    subject_id: str,
    **detail: Any,
) -> None:
    """Add one event to the caller's transaction: it is on record exactly if what it tells of happened.

    Raises ValueError without an actor. `detail` holds JSON values; never a token, never an audience member's words.
    """
    if not actor:
        raise ValueError("An audit event names its actor.")
    session.add(
        AuditRow(
            at=at,
            recorded_at=datetime.now(UTC),
            client_id=client_id,
            actor=actor,
            action=action,
            subject_type=subject_type,
            subject_id=subject_id,
            detail={name: value for name, value in detail.items() if value is not None},
        )
    )


class AuditTrail(StorePart):
    """The store's face for reading the trail."""

    def audit(self, scope: TenantScope, *, subject_id: str | None = None, limit: int = 200) -> tuple[AuditEvent, ...]:
        """Newest first. What concerned all clients is part of every client's trail."""
        query = select(AuditRow).order_by(AuditRow.audit_id.desc()).limit(limit)
        if scope.client_ids is not None:
            query = query.where(or_(AuditRow.client_id.in_(scope.client_ids), AuditRow.client_id.is_(None)))
        if subject_id is not None:
            query = query.where(AuditRow.subject_id == subject_id)
        with self._database.read() as session:
            return tuple(
                AuditEvent(
                    row.audit_id,
                    row.at,
                    row.recorded_at,
                    row.client_id,
                    row.actor,
                    row.action,
                    row.subject_type,
                    row.subject_id,
                    row.detail,
                )
                for row in session.scalars(query)
            )
