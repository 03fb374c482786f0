"""Planted bugs: publishers that each forget one thing that keeps a post from appearing twice. A harness that they pass proves nothing.

Belongs here: the bugs. Does not belong here: right publishers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from contracts.ports import Connector
from contracts.records import PublishRequest, Reconciliation, Staging
from operations import OutboxPublisher, SqlStore
from operations.machine import MachineTime
from operations.models import LaneRow
from operations.sending import Lease, Sending, Turn

SHARED = "everybody"


class ResendOnTimeout(OutboxPublisher):
    """What got no answer is taken for unsent, and sent again from the start."""

    async def _resolve(self, connector: Connector, lease: Lease, turn: Turn, tally: Any) -> None:
        del tally
        if turn.request is not None:
            await self._store(self._sending.reopen, lease, turn.intent_id, evidence="it timed out")
            afresh = connector.prepare(turn.request)
            await self._store(self._sending.save_staging, lease, turn.intent_id, turn.request, afresh)


class GreedySending(Sending):
    """A lease that somebody else holds is taken all the same, and shared: two publishers work on one account."""

    def lease(self, account_id: str) -> Lease | None:
        with self._database.write() as session:
            lane = session.get_one(LaneRow, account_id)
            lane.lease_token, lane.lease_expires_at = SHARED, self._machine.now()
        return Lease(account_id, SHARED)

    def _lock(self, session: Session, lease: Lease, intent_id: str) -> Any:
        lane = session.get_one(LaneRow, lease.account_id)
        lane.lease_token, lane.lease_expires_at = lease.token, self._machine.now() + self._lease_for
        session.flush()
        locked = super()._lock(session, lease, intent_id)
        locked.lane.lease_expires_at = self._machine.now()  # to the others it looks free
        return locked


class GreedyStore(SqlStore):
    """A store whose publishers ignore leases."""

    def sending(self, *, machine: MachineTime | None = None, lease_seconds: float = 60.0) -> Sending:
        right = super().sending(machine=machine, lease_seconds=lease_seconds)
        greedy = GreedySending.__new__(GreedySending)
        greedy.__dict__ = right.__dict__
        return greedy


class StaleView(OutboxPublisher):
    """A lost answer is judged by a view of the network from before the commit, which never shows what was committed."""

    async def _read(self, connector: Connector, request: PublishRequest, staging: Staging) -> Reconciliation:
        await super()._read(connector, request, staging)
        return Reconciliation(outcome="not_published", evidence="the view of before the commit does not show it")


@dataclass(frozen=True)
class Bug:
    """What the publishers of a campaign are made of."""

    publisher: type[OutboxPublisher] = OutboxPublisher
    store: type[SqlStore] = SqlStore


NONE = Bug()
BUGS: Mapping[str, Bug] = {
    "resend-on-timeout": Bug(publisher=ResendOnTimeout),
    "lease-ignored": Bug(store=GreedyStore),
    "stale-view": Bug(publisher=StaleView),
}
