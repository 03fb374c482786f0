"""Why a figure is not known: what of metric_availability explains it."""

from datetime import date

import polars as pl

from apps.streamlit.absences import absences

PERIOD = {"first_day": date(2026, 5, 6), "last_day": date(2026, 5, 20)}
SCHEMA = {
    "account_id": pl.String,
    "network": pl.String,
    "grain": pl.String,
    "metric": pl.String,
    "expected": pl.Int64,
    "received": pl.Int64,
    "state": pl.String,
    "is_network_wide": pl.Boolean,
    "since": pl.Date,
    "week": pl.Date,
}
WEEK, BEFORE = date(2026, 5, 4), date(2026, 4, 27)


def _table(*rows: tuple) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _states(found: pl.DataFrame) -> list[tuple]:
    return list(found.select("network", "metric", "state", "received", "expected").iter_rows())


def test_a_part_of_engagements_that_stopped_is_named_and_one_that_never_came_is_not() -> None:
    since = date(2026, 5, 12)
    table = _table(
        ("x:a", "x", "post", "shares", 4, 4, "received", False, None, WEEK),
        ("x:a", "x", "post", "shares", 4, 1, "stopped", True, since, date(2026, 5, 11)),
        ("x:a", "x", "post", "saves", 0, 0, "not_offered", False, None, WEEK),
        ("x:a", "x", "post", "reach", 4, 0, "not_connected", False, None, WEEK),
    )
    found = absences(table, "engagements", **PERIOD)
    assert _states(found) == [("x", "shares", "stopped", 5, 8)]
    assert found["since"].to_list() == [since]
    assert _states(absences(table, "engagement_rate_by_reach", **PERIOD)) == [
        ("x", "reach", "not_connected", 0, 4),
        ("x", "shares", "stopped", 5, 8),
    ]


def test_only_weeks_accounts_and_posts_of_the_figure_explain_it() -> None:
    table = _table(
        ("x:a", "x", "post", "views", 3, 0, "not_connected", False, None, BEFORE),
        ("x:a", "x", "post", "views", 3, 3, "received", False, None, WEEK),
        ("x:b", "x", "post", "views", 5, 2, "partly", False, None, WEEK),
        ("x:b", "x", "account_day", "views", 5, 0, "not_connected", False, None, WEEK),
        ("y:c", "y", "post", "views", 0, 0, "not_offered", False, None, WEEK),
    )
    assert _states(absences(table, "views", **PERIOD)) == [
        ("x", "views", "partly", 5, 8),
        ("y", "views", "not_offered", 0, 0),
    ]
    assert _states(absences(table, "views", **PERIOD, network="y")) == [("y", "views", "not_offered", 0, 0)]
    assert absences(table, "views", **PERIOD, account_id="x:a").is_empty()


def test_a_lake_without_the_mart_explains_nothing() -> None:
    assert absences(pl.DataFrame(), "views", **PERIOD).is_empty()
