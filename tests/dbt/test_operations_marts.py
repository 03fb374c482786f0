"""How Pulso ran, by day, worked out again from bronze in Polars."""

import polars as pl
from polars.testing import assert_frame_equal

from contracts.errors import ErrorClass
from tests.dbt.conftest import Home

CLASSES = ("auth", "scope", "rate", "invalid", "transient")
STATES = ("published", "failed", "missed", "cancelled", "parked")


def _outcomes(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    def of(*outcomes: str) -> pl.Expr:
        return pl.col("readings").filter(pl.col("outcome").is_in(outcomes)).sum()

    counted = rows.group_by(key).agg(
        readings=pl.col("readings").sum(),
        readings_answered=of("answered"),
        **{f"errors_{name}": of(name) for name in CLASSES},
        errors_other=of(*(error.value for error in ErrorClass if error.value not in CLASSES)),
    )
    return counted.with_columns(uptime_ratio=pl.col("readings_answered") / pl.col("readings"))


def test_uptime_of_sources(built: Home) -> None:
    rows = pl.DataFrame(built.bronze["reading_days"]).rename({"source": "source_table"})
    key = ["client_id", "network", "source_table", "day"]
    expected = _outcomes(rows, key)
    assert expected["errors_other"].sum() > 0
    mart = built.mart("kpi_source_uptime_daily")
    assert_frame_equal(mart.select(expected.columns).sort(key), expected.sort(key), check_dtypes=False)


def test_operations_by_day(built: Home) -> None:
    key = ["client_id", "network", "day"]
    ledger = pl.DataFrame(built.bronze["action_ledger"], infer_schema_length=None)
    newest = ledger.sort("recorded_at").group_by("ledger_id").last().drop("day")
    lateness = (pl.col("published_at") - pl.col("scheduled_at")).dt.total_microseconds() / 1e6
    due = (
        newest.with_columns(day=pl.col("scheduled_at").dt.date(), lateness=lateness)
        .group_by(key)
        .agg(
            publications_due=pl.len(),
            **{f"publications_{state}": (pl.col("state") == state).sum() for state in STATES},
            median_lateness_seconds=pl.col("lateness").median(),
            p95_lateness_seconds=pl.col("lateness").quantile(0.95, "linear"),
        )
    )
    queue = pl.DataFrame(built.bronze["queue_depths"]).select(
        *key, *(pl.col(name).alias(f"queue_{name}") for name in ("waiting", "overdue", "parked"))
    )
    readings = _outcomes(pl.DataFrame(built.bronze["reading_days"]), key)
    expected = (
        due.join(queue, on=key, how="full", coalesce=True)
        .join(readings, on=key, how="full", coalesce=True)
        .with_columns(pl.col("publications_due", *(f"publications_{state}" for state in STATES)).fill_null(0))
    )
    mart = built.mart("kpi_operations_daily")
    assert set(mart.columns) == set(expected.columns)
    assert_frame_equal(mart.sort(key), expected.select(mart.columns).sort(key), check_dtypes=False)
    assert mart["p95_lateness_seconds"].count() > 10
