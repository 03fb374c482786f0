"""Webhook deliveries: each kept once, gathered into batches that one run reads, and what became of them.

Belongs here: receiving what was verified, claiming what is due, settling what was read, counts for operators.
Does not belong here: verification and parsing (platforms), HTTP (`apps/webhooks.py`), reading (assets), when to read
(`orchestration/sensors.py`).

A batch is closed when it is made: a run that is asked for twice is asked for under the same name, and what arrives meanwhile for the same
account waits for the next batch, together. All moments are machine time: a network's deliveries come when they come, whatever the
business clock says.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from contracts.errors import ErrorClass
from contracts.networks import Network
from contracts.records import CollectionFailure, Delivery, Notice
from contracts.scope import TenantScope
from operations.models import AccountRow, DeliveryRow, WebhookRefusalRow
from operations.part import StorePart, within
from operations.states import DeliveryState

BATCH_SIZE = 1_000
MAX_TRIES = 3
"""Readings for one delivery. After them the quarter-hourly observation, which reads every account, is what is left."""
FIRST_PAUSE = timedelta(minutes=1)
"""Before the second try; it doubles with each."""
RAW_KEPT_FOR = timedelta(days=30)
"""After this what people wrote is dropped from settled deliveries. The keys stay, so that no old delivery can be replayed."""

_WORTH_ANOTHER_TRY = frozenset({ErrorClass.RATE, ErrorClass.TRANSIENT, ErrorClass.AMBIGUOUS})


@dataclass(frozen=True)
class Reception:
    """What came of one verified delivery, counted in accounts."""

    new: int
    repeated: int
    unknown: tuple[str, ...]
    """Native ids of accounts that no client has. Nothing of them is kept: a row without a tenant could never be shown, or erased."""


@dataclass(frozen=True)
class DeliveryCount:
    """Deliveries of one network in one state."""

    network: Network
    state: DeliveryState
    count: int
    newest_at: datetime
    reason: str | None
    """Why the newest one failed."""


@dataclass(frozen=True)
class RefusalCount:
    """Requests to the receiver that were refused, or told of nothing that is ours, on one day."""

    network: str
    day: date
    reason: str
    count: int


class Deliveries(StorePart):
    """The store's face for webhooks."""

    def receive(self, delivery_key: str, notices: Sequence[Notice], *, at: datetime) -> Reception:
        """Keep what a verified delivery says, once for each account that it tells of, however often and wherever it arrives."""
        try:
            return self._receive(delivery_key, notices, at)
        except IntegrityError:  # another process kept it at the same moment
            return self._receive(delivery_key, notices, at)

    def _receive(self, delivery_key: str, notices: Sequence[Notice], at: datetime) -> Reception:
        new, repeated, unknown = 0, 0, []
        with self._database.write() as session:
            for notice in notices:
                account = _account_of(session, notice)
                if account is None:
                    unknown.append(notice.native_account_ids[0])
                elif session.get(DeliveryRow, (delivery_key, account.account_id)) is not None:
                    repeated += 1
                else:
                    state = DeliveryState.RECEIVED if notice.asks_to_read else DeliveryState.KEPT
                    session.add(
                        DeliveryRow(
                            delivery_key=delivery_key,
                            account_id=account.account_id,
                            client_id=account.client_id,
                            network=notice.network.value,
                            received_at=at,
                            kinds=notice.kinds,
                            native_post_ids=notice.native_post_ids,
                            raw=notice.raw,
                            state=state.value,
                            next_try_at=at,
                        )
                    )
                    session.flush()
                    new += 1
        return Reception(new, repeated, tuple(unknown))

    def deliveries(self, scope: TenantScope, *, states: Sequence[str] = ()) -> tuple[Delivery, ...]:
        """By time of receipt; all when no state is named."""
        query = (
            select(DeliveryRow)
            .where(within(scope, DeliveryRow.client_id))
            .order_by(DeliveryRow.received_at, DeliveryRow.delivery_key, DeliveryRow.account_id)
        )
        if states:
            query = query.where(DeliveryRow.state.in_(states))
        with self._database.read() as session:
            return tuple(
                Delivery.model_validate({name: getattr(row, name) for name in Delivery.model_fields}, strict=False)
                for row in session.scalars(query)
            )

    def claim_deliveries(self, *, at: datetime) -> int:
        """Put what is due into one new batch, except for accounts that an open batch reads already. Returns how many."""
        being_read = select(DeliveryRow.account_id).where(DeliveryRow.state == DeliveryState.COLLECTING.value)
        due = (
            select(DeliveryRow)
            .where(
                DeliveryRow.state == DeliveryState.RECEIVED.value,
                DeliveryRow.next_try_at <= at,
                DeliveryRow.account_id.not_in(being_read),
            )
            .order_by(DeliveryRow.received_at)
            .limit(BATCH_SIZE)
            .with_for_update(skip_locked=True)
        )
        batch_id = uuid.uuid4().hex
        with self._database.write() as session:
            rows = session.scalars(due).all()
            for row in rows:
                row.state, row.batch_id = DeliveryState.COLLECTING.value, batch_id
            return len(rows)

    def settle_deliveries(self, batch_id: str, failures: Sequence[CollectionFailure], *, at: datetime) -> None:
        """End a batch: accounts without a failure are collected; the others are tried again later, or have failed.

        A batch that was ended before is left as it is.
        """
        failed = {failure.account_id: failure for failure in failures}
        query = (
            select(DeliveryRow)
            .where(DeliveryRow.batch_id == batch_id, DeliveryRow.state == DeliveryState.COLLECTING.value)
            .with_for_update()
        )
        with self._database.write() as session:
            for row in session.scalars(query).all():
                row.tries += 1
                failure = failed.get(row.account_id)
                row.reason = f"{failure.what}: {failure.message}" if failure else None
                if failure is None:
                    row.state = DeliveryState.COLLECTED.value
                elif failure.error_class in _WORTH_ANOTHER_TRY and row.tries < MAX_TRIES:
                    row.state, row.batch_id = DeliveryState.RECEIVED.value, None
                    row.next_try_at = at + FIRST_PAUSE * 2 ** (row.tries - 1)
                else:
                    row.state = DeliveryState.FAILED.value
            _forget_raw(session, at)

    def delivery_counts(self, scope: TenantScope) -> tuple[DeliveryCount, ...]:
        """For operators: how many deliveries stand where, by network and state."""
        counts = (
            select(DeliveryRow.network, DeliveryRow.state, func.count(), func.max(DeliveryRow.received_at))
            .where(within(scope, DeliveryRow.client_id))
            .group_by(DeliveryRow.network, DeliveryRow.state)
            .order_by(DeliveryRow.network, DeliveryRow.state)
        )
        reason = select(DeliveryRow.reason).where(within(scope, DeliveryRow.client_id)).limit(1)
        with self._database.read() as session:
            return tuple(
                DeliveryCount(
                    Network(network),
                    DeliveryState(state),
                    count,
                    newest_at,
                    session.scalar(
                        reason.where(DeliveryRow.network == network, DeliveryRow.state == state).order_by(
                            DeliveryRow.received_at.desc()
                        )
                    ),
                )
                for network, state, count, newest_at in session.execute(counts).all()
            )

    def count_refusals(self, network: str, reasons: Mapping[str, int], *, day: date) -> None:
        """Add to what the receiver refused on a day (machine time)."""
        try:
            self._count_refusals(network, reasons, day)
        except IntegrityError:  # another process began the same count at the same moment
            self._count_refusals(network, reasons, day)

    def _count_refusals(self, network: str, reasons: Mapping[str, int], day: date) -> None:
        with self._database.write() as session:
            for reason, count in reasons.items():
                row = session.get(WebhookRefusalRow, (network, day, reason), with_for_update=True)
                if row is None:
                    session.add(WebhookRefusalRow(network=network, day=day, reason=reason, count=count))
                else:
                    row.count += count

    def refusals(self) -> tuple[RefusalCount, ...]:
        """Newest day first. They are no client's: nothing tells whose account a forger had in mind."""
        query = select(WebhookRefusalRow).order_by(
            WebhookRefusalRow.day.desc(), WebhookRefusalRow.network, WebhookRefusalRow.reason
        )
        with self._database.read() as session:
            return tuple(RefusalCount(row.network, row.day, row.reason, row.count) for row in session.scalars(query))


def _account_of(session: Session, notice: Notice) -> AccountRow | None:
    query = select(AccountRow).where(
        AccountRow.network == notice.network.value, AccountRow.native_id.in_(notice.native_account_ids)
    )
    return session.scalars(query).first()


def _forget_raw(session: Session, at: datetime) -> None:
    ended = (DeliveryState.COLLECTED.value, DeliveryState.FAILED.value, DeliveryState.KEPT.value)
    session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.state.in_(ended), DeliveryRow.received_at < at - RAW_KEPT_FOR, DeliveryRow.raw.is_not(None))
        .values(raw=None)
    )
