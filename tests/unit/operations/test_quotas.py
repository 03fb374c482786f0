"""Counts of limits: taken once, whoever takes, and forgotten when their window is long over."""

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
    for day in range(0, 100, 10):
        await store.quotas.reserve("app", window_start=DAY + timedelta(days=day), units=1, limit=10)
    with store._database.read() as session:
        assert session.scalar(select(func.count()).select_from(QuotaRow)) == 5
