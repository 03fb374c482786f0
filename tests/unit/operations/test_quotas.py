"""Counts of limits: taken once, whoever takes, and forgotten when their window is over."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from operations import SqlStore
from operations.models import QuotaRow

DAY = datetime(2026, 6, 1, tzinfo=UTC)


async def test_units_are_taken_whole_or_not_at_all(store: SqlStore) -> None:
    quotas = store.quotas
    assert await quotas.reserve("app", window_start=DAY, units=7, limit=10)
    assert not await quotas.reserve("app", window_start=DAY, units=4, limit=10)
    assert await quotas.reserve("app", window_start=DAY, units=3, limit=10)
    assert not await quotas.reserve("app", window_start=DAY, units=1, limit=10)
    assert await quotas.reserve("other", window_start=DAY, units=1, limit=10)
    assert await quotas.reserve("app", window_start=DAY + timedelta(days=1), units=10, limit=10)


def test_many_at_once_never_take_more_than_there_is(store: SqlStore) -> None:
    def take(_: int) -> bool:
        return asyncio.run(store.quotas.reserve("app", window_start=DAY, units=1, limit=25))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(60))) == 25


async def test_old_windows_are_forgotten(store: SqlStore) -> None:
    await store.quotas.reserve("other", window_start=DAY, units=1, limit=10)
    for hours in range(0, 240, 12):
        await store.quotas.reserve("app", window_start=DAY + timedelta(hours=hours), units=1, limit=10)
    with store._database.read() as session:
        counted = dict(session.execute(select(QuotaRow.key, func.count()).group_by(QuotaRow.key)).all())
    assert counted == {"other": 1, "app": 3}


async def test_more_than_the_whole_limit_is_never_there(store: SqlStore) -> None:
    assert not await store.quotas.reserve("app", window_start=DAY, units=11, limit=10)
    assert await store.quotas.reserve("app", window_start=DAY, units=10, limit=10)
