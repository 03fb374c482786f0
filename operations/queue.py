"""How much of the outbox has not gone out, in numbers.

Belongs here: counts of what waits, by client and network.
Does not belong here: why something waits and what to do about it (`troubles.py`).
"""

from sqlalchemy import func, select

from contracts.records import QueueDepth
from contracts.scope import TenantScope
from operations.models import IntentRow
from operations.part import StorePart, within
from operations.states import IntentState

_WAITING = (IntentState.PENDING.value, IntentState.COMMITTING.value)


class Queue(StorePart):
    """The store's face for the depth of the queue."""

    def queue(self, scope: TenantScope) -> tuple[QueueDepth, ...]:
        """What is promised and not visible, by client and network: one pass over what is open, none where nothing is."""
        is_waiting = IntentRow.state.in_(_WAITING)
        is_parked = IntentRow.state == IntentState.PARKED.value
        query = (
            select(
                IntentRow.client_id,
                IntentRow.network,
                func.count().filter(is_waiting).label("waiting"),
                func.count().filter(is_waiting, IntentRow.scheduled_at < self._clock.now()).label("overdue"),
                func.count().filter(is_parked).label("parked"),
            )
            .where(within(scope, IntentRow.client_id), is_waiting | is_parked)
            .group_by(IntentRow.client_id, IntentRow.network)
            .order_by(IntentRow.client_id, IntentRow.network)
        )
        with self._database.read() as session:
            return tuple(QueueDepth.model_validate(dict(row)) for row in session.execute(query).mappings())
