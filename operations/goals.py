"""Goals: what clients mean to reach in a period.

Belongs here: setting, dropping and reading them.
Does not belong here: how far a client has come (gold/kpi_goals).
"""

from sqlalchemy import select

from contracts.errors import PulsoError
from contracts.records import Goal
from contracts.scope import TenantScope
from operations.audit import record_event
from operations.models import AccountRow, ClientRow, GoalRow
from operations.part import StorePart, within
from operations.states import UnknownRecordError


class Goals(StorePart):
    """The store's face for goals."""

    def goals(self, scope: TenantScope) -> tuple[Goal, ...]:
        """By goal_id."""
        query = select(GoalRow).where(within(scope, GoalRow.client_id)).order_by(GoalRow.goal_id)
        with self._database.read() as session:
            return tuple(row.body for row in session.scalars(query))

    def set_goal(self, goal: Goal, *, actor: str) -> Goal | None:
        """Keep a goal. Where there is one for the same metric, period and accounts, its target becomes this one's; returns what stood
        there before. Raises UnknownRecordError for an unknown client or account, PulsoError for another client's account."""
        now = self._clock.now()
        with self._database.write() as session:
            if session.get(ClientRow, goal.client_id) is None:
                raise UnknownRecordError(f"There is no client {goal.client_id}: `pulso client list` shows them.")
            if goal.account_id is not None:
                account = session.get(AccountRow, goal.account_id)
                if account is None:
                    raise UnknownRecordError(
                        f"There is no account {goal.account_id}: `pulso accounts list` shows them."
                    )
                if account.client_id != goal.client_id:
                    raise PulsoError(f"{goal.account_id} is no account of {goal.client_id}. Nothing was saved.")
            row = session.get(GoalRow, goal.goal_id, with_for_update=True)
            before = row.body if row is not None else None
            if before == goal:
                return before
            if row is None:
                session.add(GoalRow(goal_id=goal.goal_id, client_id=goal.client_id, body=goal))
            else:
                row.body = goal
            record_event(
                session,
                at=now,
                client_id=goal.client_id,
                actor=actor,
                action="goal_set",
                subject_type="goal",
                subject_id=goal.goal_id,
                before=None if before is None else before.target,
                after=goal.target,
            )
            return before

    def drop_goal(self, goal_id: str, *, actor: str) -> Goal:
        """Forget a goal; the audit trail keeps that it was there. Returns it. Raises UnknownRecordError."""
        now = self._clock.now()
        with self._database.write() as session:
            row = session.get(GoalRow, goal_id, with_for_update=True)
            if row is None:
                raise UnknownRecordError(f"There is no goal {goal_id}: `pulso goals list` shows them.")
            goal = row.body
            session.delete(row)
            record_event(
                session,
                at=now,
                client_id=goal.client_id,
                actor=actor,
                action="goal_dropped",
                subject_type="goal",
                subject_id=goal_id,
                target=goal.target,
            )
            return goal
