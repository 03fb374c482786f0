"""Forecasts of accounts: made of gold once a day, kept beside those of other days, and nothing where there is nothing."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl

from assets.models.kpi_forecasts import kpi_forecasts
from contracts.clock import FixedClock
from contracts.scope import TenantScope
from contracts.tables import KPI_FORECASTS
from lakehouse import DeltaLake

NOW = datetime(2026, 5, 30, 6, tzinfo=UTC)
ALL = TenantScope.all_clients("a test")


def lake_of(folder: Path, *, days: int) -> DeltaLake:
    """Two clients with an account each, up to yesterday."""
    lake, rng = DeltaLake(folder / "lake"), np.random.default_rng(3)
    first = NOW.date() - timedelta(days=days)
    daily = pl.concat(
        [
            pl.DataFrame(
                {
                    "client_id": client,
                    "network": "x",
                    "account_id": f"x:{client}",
                    "day": [first + timedelta(days=n) for n in range(days)],
                    "posts_published": 1,
                    "engagements": rng.poisson(40, days),
                    "reach": rng.poisson(900, days),
                    "followers": 1000 + np.arange(days),
                }
            )
            for client in ("ana", "ben")
        ]
    )
    daily.write_delta(lake.path("gold/kpi_account_daily"))
    return lake


def made(lake: DeltaLake, at: datetime = NOW) -> dg.AssetMaterialization:
    result = dg.materialize([kpi_forecasts], resources={"lake": lake, "clock": FixedClock(at)})
    (materialised,) = result.asset_materializations_for_node("models__kpi_forecasts")
    return materialised


def test_every_scope_is_forecast_for_a_quarter_and_what_was_said_is_kept(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, days=60)
    assert made(lake).metadata["series"].value == 2 * 3 * 3
    rows = lake.scan(KPI_FORECASTS, scope=ALL).collect()
    assert rows.height == 2 * 3 * 3 * 91
    assert rows["day"].unique().to_list() == [NOW.date()]
    ben = lake.scan(KPI_FORECASTS, scope=TenantScope.of("ben")).collect()
    assert set(ben["scope_id"]) == {"ben", "x", "x:ben"}
    followers = ben.filter(pl.col("metric") == "followers", pl.col("scope") == "client").sort("target_day")
    assert followers["as_of_day"][0] == date(2026, 5, 29)
    assert followers["median"][6] == 1059 + 7
    made(lake)
    again = lake.scan(KPI_FORECASTS, scope=ALL).collect()
    assert again.sort(KPI_FORECASTS.keys).equals(rows.sort(KPI_FORECASTS.keys)), "made again, it says the same"
    made(lake, NOW + timedelta(days=1))
    assert lake.scan(KPI_FORECASTS, scope=ALL).collect()["day"].n_unique() == 2


def test_all_methods_are_asked_once_in_some_weeks_and_again_after_a_pause(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, days=200)
    first = made(lake).metadata
    assert first["series_reviewed"].value == 2 * 3, "network and client have the account's series"
    assert made(lake, NOW + timedelta(days=1)).metadata["series_reviewed"].value == 0
    assert made(lake, NOW + timedelta(days=2)).metadata["series_reviewed"].value == 0
    kept = lake.scan(KPI_FORECASTS, scope=ALL).drop_nulls("review").collect()
    assert kept.group_by("day").len()["len"].to_list() == [18, 18, 18], "one a series"
    assert made(lake).metadata["series_reviewed"].value == 6, "the day's run made again knows what it knew then"
    assert made(lake, NOW + timedelta(days=12)).metadata["series_reviewed"].value == 6


def test_of_a_few_days_nothing_is_said_and_nothing_fails(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, days=10)
    metadata = made(lake).metadata
    assert metadata["series"].value == metadata["series_too_short"].value > 0
    assert lake.scan(KPI_FORECASTS, scope=ALL).collect().is_empty()
