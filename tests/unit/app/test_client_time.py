"""The client's wall clock, on ordinary days and on the nights when the clocks change."""

from datetime import UTC, date, datetime, time

import pytest

from apps.streamlit.client_time import NoSuchLocalTimeError, moment_of, week_of


def test_a_wall_time_is_a_moment() -> None:
    assert moment_of(date(2026, 5, 27), time(9, 30), "America/New_York") == datetime(2026, 5, 27, 13, 30, tzinfo=UTC)


def test_the_hour_that_the_clocks_skip_is_refused() -> None:
    with pytest.raises(NoSuchLocalTimeError):
        moment_of(date(2026, 3, 29), time(2, 30), "Europe/Madrid")


def test_the_hour_that_comes_twice_is_the_first_one() -> None:
    assert moment_of(date(2026, 10, 25), time(2, 30), "Europe/Madrid") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 26), 167), (date(2026, 5, 27), 168), (date(2026, 10, 21), 169)]
)
def test_a_week_is_as_long_as_the_clocks_make_it(day: date, hours: int) -> None:
    monday, start, end = week_of(day, "Europe/Madrid")
    assert monday.weekday() == 0
    assert (end - start).total_seconds() / 3600 == hours
