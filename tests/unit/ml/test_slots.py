"""Slots exist in the client's zone, on both days of the year on which the clock jumps."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from contracts.records import PostingRules, QuietHours
from ml.slots import candidate_slots, is_quiet, local_grid, room_per_day

NO_QUIET = QuietHours(start_hour=0, end_hour=0)
FREE = PostingRules(min_gap_hours=0, max_posts_per_day=20, quiet_hours=NO_QUIET)


def whole_day(day: date, zone: str) -> tuple[datetime, datetime]:
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    end = datetime.combine(day + timedelta(days=1), datetime.min.time(), tzinfo=ZoneInfo(zone))
    return start.astimezone(UTC), end.astimezone(UTC)


@pytest.mark.parametrize(
    ("zone", "day", "missing", "step"),
    [
        ("Europe/Madrid", date(2026, 3, 29), ["02:00", "02:30"], 30),
        ("America/New_York", date(2026, 3, 8), ["02:00", "02:30"], 30),
        ("Australia/Lord_Howe", date(2026, 10, 4), ["02:00"], 30),
    ],
)
def test_spring_forward_skips_times_that_do_not_exist(zone: str, day: date, missing: list[str], step: int) -> None:
    slots = local_grid(*whole_day(day, zone), zone, step_minutes=step)
    shown = [slot.local.strftime("%H:%M") for slot in slots]
    every = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(0, 1440, step)]
    assert shown == [time for time in every if time not in missing]
    assert all(slot.at.astimezone(ZoneInfo(zone)).strftime("%H:%M") == slot.local.strftime("%H:%M") for slot in slots)


@pytest.mark.parametrize(
    ("zone", "day", "repeated", "first_utc"),
    [
        ("Europe/Madrid", date(2026, 10, 25), 2, datetime(2026, 10, 25, 0, 0, tzinfo=UTC)),
        ("America/New_York", date(2026, 11, 1), 1, datetime(2026, 11, 1, 5, 0, tzinfo=UTC)),
    ],
)
def test_fall_back_counts_a_repeated_time_once_at_its_first_occurrence(
    zone: str, day: date, repeated: int, first_utc: datetime
) -> None:
    slots = local_grid(*whole_day(day, zone), zone)
    assert [slot.local.hour for slot in slots] == list(range(24))
    assert slots[repeated].at == first_utc
    assert slots[repeated + 1].at - slots[repeated].at == timedelta(hours=2)
    assert all(a.at < b.at for a, b in itertools.pairwise(slots))


def test_gap_between_slots_is_real_time_not_wall_time() -> None:
    zone = "Europe/Madrid"
    taken = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)  # 02:00 summer time; 03:00 winter time is two hours later
    rules = PostingRules(min_gap_hours=2, max_posts_per_day=5, quiet_hours=NO_QUIET)
    hours = [s.local.hour for s in candidate_slots(*whole_day(date(2026, 10, 25), zone), zone, rules, taken=[taken])]
    assert 3 in hours
    assert 2 not in hours
    assert 1 not in hours


def test_quiet_hours_may_wrap_midnight() -> None:
    night = QuietHours(start_hour=22, end_hour=7)
    assert [hour for hour in range(24) if is_quiet(hour, night)] == [0, 1, 2, 3, 4, 5, 6, 22, 23]
    assert [hour for hour in range(24) if is_quiet(hour, QuietHours(start_hour=12, end_hour=14))] == [12, 13]
    assert not any(is_quiet(hour, NO_QUIET) for hour in range(24))


def test_slots_lie_in_the_horizon_outside_quiet_hours_and_away_from_taken_times() -> None:
    zone, start = "America/Sao_Paulo", datetime(2026, 5, 30, 14, 20, tzinfo=UTC)
    taken = [datetime(2026, 5, 31, 15, 0, tzinfo=UTC)]
    rules = PostingRules(min_gap_hours=4, max_posts_per_day=2)
    slots = candidate_slots(start, start + timedelta(days=2), zone, rules, taken=taken)
    assert slots
    for slot in slots:
        assert start <= slot.at < start + timedelta(days=2)
        assert 7 <= slot.local.hour < 22
        assert abs(slot.at - taken[0]) >= timedelta(hours=4)
        assert slot.local.utcoffset() == timedelta(hours=-3)


def test_a_full_day_offers_nothing() -> None:
    zone = "Europe/Madrid"
    taken = [datetime(2026, 6, 1, hour, tzinfo=UTC) for hour in (8, 18)]
    rules = PostingRules(min_gap_hours=1, max_posts_per_day=2)
    assert room_per_day(taken, zone, rules) == {date(2026, 6, 1): 0}
    assert candidate_slots(*whole_day(date(2026, 6, 1), zone), zone, rules, taken=taken) == ()
    never = PostingRules(max_posts_per_day=0)
    assert candidate_slots(*whole_day(date(2026, 6, 2), zone), zone, never) == ()


def test_a_step_that_does_not_divide_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="divide a day"):
        local_grid(*whole_day(date(2026, 6, 1), "UTC"), "UTC", step_minutes=7)
