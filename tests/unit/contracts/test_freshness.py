"""What is late, since when, how badly, and by whose doing: judged on business time alone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.freshness import ACCOUNT_REFUSED, DEADLINES, SCHEMA, Arrival, Basis, Deadline, LateCause, arrivals
from contracts.tables import READINGS

NOW = datetime(2016, 3, 10, 6, tzinfo=UTC)
"""Long before the machine's own time: a sandbox's clock may stand there."""
BY_SOURCE = {deadline.table.name: deadline for deadline in DEADLINES}
BRONZE_READ_FROM_OUTSIDE = {
    *("accounts", "account_metrics", "posts", "post_metrics", "comments", "messages"),
    *("competitor_posts", "action_ledger"),
}


def reading(source: str, **values: Any) -> dict[str, Any]:
    """A reading that has just brought everything, unless told otherwise."""
    row = {
        "source": source,
        "client_id": "ana",
        "network": "instagram",
        "account_id": "instagram:a1",
        "first_asked_at": NOW - timedelta(days=90),
        "asked_at": NOW,
        "answered_at": NOW,
        "brought_at": NOW,
        "newest_day": NOW.date() - timedelta(days=1),
        "error_class": None,
    }
    return row | values


def judged(*rows: dict[str, Any], now: datetime = NOW) -> dict[str, dict[str, Any]]:
    """The standing of each source of account a1."""
    standing = arrivals(pl.DataFrame(list(rows), schema=READINGS.schema), now=now)
    assert standing.schema == SCHEMA
    return {row["source"]: row for row in standing.iter_rows(named=True) if row["account_id"] == "instagram:a1"}


def everything(**values: Any) -> list[dict[str, Any]]:
    return [reading(source, **values) for source in BY_SOURCE]


def test_every_source_that_is_read_from_outside_has_one_deadline_and_a_later_one_for_errors() -> None:
    assert sorted(BY_SOURCE) == sorted(BRONZE_READ_FROM_OUTSIDE)
    assert len(BY_SOURCE) == len(DEADLINES)
    assert all(0 < deadline.hours < deadline.overdue_hours for deadline in DEADLINES)


def test_what_was_just_read_is_in_time() -> None:
    assert {row["state"] for row in judged(*everything()).values()} == {Arrival.IN_TIME.value}
    assert {row["cause"] for row in judged(*everything()).values()} == {None}


@pytest.mark.parametrize("deadline", DEADLINES, ids=lambda d: d.table.name)
def test_a_source_is_late_from_its_deadline_on_and_overdue_from_the_second(deadline: Deadline) -> None:
    rows = everything()
    there_until = datetime(2016, 3, 10, tzinfo=UTC) if deadline.basis is Basis.DAY else NOW

    def state(after: timedelta) -> str:
        return str(judged(*rows, now=there_until + after)[deadline.table.name]["state"])

    minute = timedelta(minutes=1)
    assert state(timedelta(hours=deadline.hours)) == Arrival.IN_TIME.value
    assert state(timedelta(hours=deadline.hours) + minute) == Arrival.LATE.value
    assert state(timedelta(hours=deadline.overdue_hours)) == Arrival.LATE.value
    assert state(timedelta(hours=deadline.overdue_hours) + minute) == Arrival.OVERDUE.value
    assert judged(*rows)[deadline.table.name]["due_at"] == there_until + timedelta(hours=deadline.hours)


@pytest.mark.parametrize("source", [d.table.name for d in DEADLINES if d.basis is Basis.ROWS])
def test_answers_without_rows_are_none_where_every_reading_owes_rows(source: str) -> None:
    old = NOW - timedelta(hours=BY_SOURCE[source].hours + 1)
    row = judged(reading(source, brought_at=old))[source]
    assert (row["state"], row["cause"], row["there_until"]) == (Arrival.LATE.value, LateCause.SILENT.value, old)
    never = judged(reading(source, brought_at=None))[source]
    assert (never["state"], never["cause"]) == (Arrival.OVERDUE.value, LateCause.SILENT.value), (
        "since it was first asked"
    )


@pytest.mark.parametrize("source", [d.table.name for d in DEADLINES if d.basis is Basis.ANSWER])
def test_answers_without_rows_are_enough_where_rows_come_only_with_something_new(source: str) -> None:
    row = reading(source, brought_at=NOW - timedelta(days=60), newest_day=None)
    assert judged(row)[source]["state"] == Arrival.IN_TIME.value


def test_a_network_that_stops_reporting_days_is_late_though_it_answers() -> None:
    old = date(2016, 3, 6)
    row = judged(reading("account_metrics", newest_day=old))["account_metrics"]
    assert (row["state"], row["cause"]) == (Arrival.LATE.value, LateCause.SILENT.value)
    assert row["there_until"] == datetime(2016, 3, 7, tzinfo=UTC), "a day is there until it ends"
    unreported = judged(reading("account_metrics", newest_day=None))["account_metrics"]
    assert unreported["state"] == Arrival.IN_TIME.value, "this network reports no days at all"
    youtube = judged(reading("account_metrics", newest_day=old, network="youtube"))["account_metrics"]
    assert youtube["state"] == Arrival.IN_TIME.value, "it leaves out days on which nothing happened"


@pytest.mark.parametrize("source", BY_SOURCE)
@pytest.mark.parametrize(
    ("asked", "error_class", "cause"),
    [
        (False, None, LateCause.NOT_ASKED),
        (False, "auth", LateCause.NOT_ASKED),
        (True, "auth", LateCause.REFUSED),
        (True, "scope", LateCause.REFUSED),
        (True, "transient", LateCause.FAILING),
        (True, "rate", LateCause.LIMITED),
        (True, None, LateCause.SILENT),
    ],
)
def test_whose_problem_it_is(source: str, asked: bool, error_class: str | None, cause: LateCause) -> None:
    old = NOW - timedelta(days=30)
    row = reading(
        source,
        asked_at=NOW if asked else old,
        answered_at=old,
        brought_at=old,
        newest_day=old.date(),
        error_class=error_class,
    )
    found = judged(row)[source]
    assert (found["state"], found["cause"]) == (Arrival.OVERDUE.value, cause.value)


def test_a_source_that_an_account_was_never_asked_for_counts_from_its_first_reading_of_any_kind() -> None:
    posts = reading("posts", first_asked_at=NOW - timedelta(hours=13))
    standing = judged(posts)
    assert set(standing) == BRONZE_READ_FROM_OUTSIDE - {"competitor_posts"}
    assert (standing["messages"]["state"], standing["messages"]["cause"]) == (
        Arrival.LATE.value,
        LateCause.NOT_ASKED.value,
    )
    assert standing["accounts"]["state"] == Arrival.IN_TIME.value, "30 hours are not over yet"


def test_a_rival_has_one_source_only_and_nothing_is_known_of_who_was_never_asked() -> None:
    assert set(judged(reading("competitor_posts"))) == {"competitor_posts"}
    assert arrivals(pl.DataFrame(schema=READINGS.schema), now=NOW).schema == SCHEMA


@given(
    source=st.sampled_from(sorted(BY_SOURCE)),
    ages=st.tuples(*[st.integers(0, 400) for _ in range(3)]),
    later=st.integers(0, 400),
    error_class=st.sampled_from([None, "transient", "rate", *sorted(ACCOUNT_REFUSED)]),
)
def test_waiting_never_makes_it_better_and_late_has_always_a_cause(
    source: str, ages: tuple[int, int, int], later: int, error_class: str | None
) -> None:
    asked, answered, brought = (NOW - timedelta(hours=age) for age in sorted(ages))
    row = reading(
        source,
        asked_at=asked,
        answered_at=answered,
        brought_at=brought,
        newest_day=brought.date(),
        error_class=error_class,
    )
    order = [state.value for state in Arrival]
    now, then = judged(row)[source], judged(row, now=NOW + timedelta(hours=later))[source]
    assert order.index(now["state"]) <= order.index(then["state"])
    for standing in (now, then):
        assert (standing["cause"] is None) == (standing["state"] == Arrival.IN_TIME.value)
