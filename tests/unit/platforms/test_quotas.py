"""Limits that we count ourselves: windows with their own midnights, units taken once, whatever the number of processes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platforms._quotas import LocalLimit, MemoryQuotas, QuotaCounter, Window

NOW = datetime(2026, 3, 8, 9, 59, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "start", "end"),
    [
        (Window.MINUTE, "2026-03-08T09:59:00+00:00", "2026-03-08T10:00:00+00:00"),
        (Window.QUARTER_HOUR, "2026-03-08T09:45:00+00:00", "2026-03-08T10:00:00+00:00"),
        (Window.HOUR, "2026-03-08T09:00:00+00:00", "2026-03-08T10:00:00+00:00"),
        (Window.UTC_DAY, "2026-03-08T00:00:00+00:00", "2026-03-09T00:00:00+00:00"),
        # The day on which California's clocks spring forward has 23 hours.
        (Window.PACIFIC_DAY, "2026-03-08T08:00:00+00:00", "2026-03-09T07:00:00+00:00"),
        (Window.MONTH, "2026-03-01T00:00:00+00:00", "2026-04-01T00:00:00+00:00"),
    ],
)
def test_windows(window, start, end):
    assert [moment.astimezone(UTC).isoformat() for moment in window.bounds(NOW)] == [start, end]


@given(st.integers(1_577_836_800, 2_051_222_400).map(lambda s: datetime.fromtimestamp(s, UTC)), st.sampled_from(Window))
def test_a_window_holds_its_moment_and_the_next_begins_where_it_ends(moment, window):
    start, end = window.bounds(moment)
    assert start <= moment < end
    assert window.bounds(end)[0] == end


async def test_exactly_the_limit_is_let_through_by_any_number_of_processes():
    shared = MemoryQuotas()
    counters = [QuotaCounter(shared) for _ in range(4)]
    limit = LocalLimit("app", 1000, Window.UTC_DAY)
    taken = 0
    for index in range(1200):
        taken += await counters[index % 4].take(limit, now=NOW) is None
    assert 1000 - 4 * 10 <= taken <= 1000, "never more; less only by what processes hold in reserve"


async def test_the_last_units_can_be_taken_one_by_one_and_the_refusal_says_until_when():
    counter = QuotaCounter(MemoryQuotas())
    limit = LocalLimit("app", 3, Window.UTC_DAY)
    assert [await counter.take(limit, now=NOW) for _ in range(3)] == [None, None, None]
    assert await counter.take(limit, now=NOW) == datetime(2026, 3, 9, tzinfo=UTC)
    assert await counter.take(limit, now=NOW + timedelta(days=1)) is None, "a new day"


async def test_a_call_of_many_units_takes_them_all_or_none():
    counter = QuotaCounter(MemoryQuotas())
    assert await counter.take(LocalLimit("units", 100, Window.PACIFIC_DAY, 60), now=NOW) is None
    assert await counter.take(LocalLimit("units", 100, Window.PACIFIC_DAY, 60), now=NOW) is not None
    assert await counter.take(LocalLimit("units", 100, Window.PACIFIC_DAY, 40), now=NOW) is None
