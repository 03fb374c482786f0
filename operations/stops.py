"""The emergency stop: nothing new becomes visible, for one client or for all, until a person resumes.

Belongs here: pressing, lifting and showing the stop.
Does not belong here: heeding it (`sending.py` does, in the transaction that announces a commit).

Each stop switch is a row that always exists. Whoever announces a commit holds a share of it until the announcement is durable, so the
press waits for announcements under way, and every later one sees it: once `stop` returns, no new commit begins. Calls that were
announced before are already on the wire; they are returned, so that a person knows what may still appear.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, exists, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import Exists

from contracts.scope import TenantScope
from operations.audit import record_event
from operations.models import ALL_CLIENTS, ClientRow, IntentRow, StopRow
from operations.part import StorePart
from operations.states import IntentState, UnknownRecordError


@dataclass(frozen=True)
class Stop:
    """A stop in force. `client_id` is None when it holds for all clients."""

    client_id: str | None
    actor: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class StopReceipt:
    """`in_flight`: intents whose commit was announced before the stop and has no clear answer yet."""

    in_flight: tuple[str, ...]


def is_stopped() -> Exists:
    """Condition on ClientRow: a stop holds for the client."""
    return exists().where(
        StopRow.is_active, or_(StopRow.scope_key == ALL_CLIENTS, StopRow.scope_key == ClientRow.client_id)
    )


_LOCKED_SWITCHES = (
    select(StopRow)
    .where(or_(StopRow.scope_key == ALL_CLIENTS, StopRow.scope_key == bindparam("client")))
    .order_by(StopRow.scope_key)
    .with_for_update(read=True)
    .execution_options(populate_existing=True)
)


def locked_stop_reason(session: Session, client_id: str) -> str | None:
    """Why the client may send nothing now, or None. The switches stay as they are until the caller's transaction ends."""
    for switch in session.scalars(_LOCKED_SWITCHES, {"client": client_id}).all():
        if switch.is_active:
            return f"stopped by {switch.actor}: {switch.reason}"
    return None


class Stops(StorePart):
    """The store's face for the emergency stop."""

    def stop(self, *, actor: str, reason: str, client_id: str | None = None) -> StopReceipt:
        """Stop one client, or all when none is named. Holds from the moment this returns. Raises UnknownRecordError."""
        now = self._clock.now()
        with self._database.write() as session:
            switch = _switch(session, client_id)
            switch.is_active, switch.actor, switch.reason, switch.changed_at = True, actor, reason, now
            _tell(session, "stopped", now, actor, client_id, reason)
            session.flush()
            in_flight = select(IntentRow.intent_id).where(IntentRow.state == IntentState.COMMITTING.value)
            if client_id is not None:
                in_flight = in_flight.where(IntentRow.client_id == client_id)
            return StopReceipt(tuple(session.scalars(in_flight.order_by(IntentRow.intent_id))))

    def resume(self, *, actor: str, client_id: str | None = None) -> None:
        """Lift a stop. Slots that were missed by more than their window meanwhile do not fire. Raises UnknownRecordError."""
        now = self._clock.now()
        with self._database.write() as session:
            switch = _switch(session, client_id)
            if switch.is_active:
                switch.is_active, switch.actor, switch.changed_at = False, actor, now
                _tell(session, "resumed", now, actor, client_id, None)

    def stops(self, scope: TenantScope) -> tuple[Stop, ...]:
        """Stops in force that touch the scope."""
        query = select(StopRow).where(StopRow.is_active).order_by(StopRow.scope_key)
        if scope.client_ids is not None:
            query = query.where(StopRow.scope_key.in_({ALL_CLIENTS, *scope.client_ids}))
        with self._database.read() as session:
            return tuple(
                Stop(
                    None if row.scope_key == ALL_CLIENTS else row.scope_key, row.actor, row.reason or "", row.changed_at
                )
                for row in session.scalars(query)
                if row.actor is not None and row.changed_at is not None
            )


def _switch(session: Session, client_id: str | None) -> StopRow:
    switch = session.get(StopRow, client_id or ALL_CLIENTS, with_for_update=True)
    if switch is None:
        raise UnknownRecordError(f"There is no client {client_id}.")
    return switch


def _tell(session: Session, action: str, at: datetime, actor: str, client_id: str | None, reason: str | None) -> None:
    record_event(
        session,
        at=at,
        client_id=client_id,
        actor=actor,
        action=action,
        subject_type="stop",
        subject_id=client_id or ALL_CLIENTS,
        reason=reason,
    )
