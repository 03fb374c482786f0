"""Where followers, reach and engagements go from here."""

from datetime import timedelta

import dagster as dg
import polars as pl
from pydantic import Field

from assets.keys import asset_options, gold
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake
from contracts.scope import TenantScope
from contracts.tables import KPI_FORECASTS
from ml.forecasts.accounts import METRICS, SCOPE, forecast_accounts, reviews_of

STAGE = "all clients' series are forecast in one run; each row keeps its tenant"
PAST = timedelta(days=4 * 365)
"""What a series is learned from: enough for a season of the year."""
KEPT = timedelta(days=7)
"""How old a refresh may be whose choices are kept; after a longer pause all methods are asked again."""
READ = ("client_id", "network", "account_id", "day", "posts_published", *METRICS)


class Forecasting(dg.Config):
    """What a run may be asked for."""

    with_years: bool = Field(
        default=True,
        description="Ask Prophet too, of a client's sums that go back two years. That takes seconds a series, every few weeks.",
    )


@dg.asset(**asset_options(KPI_FORECASTS, "statsmodels"), deps=[gold("kpi_account_daily")])
def kpi_forecasts(
    config: Forecasting, lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """Grain: scope x metric x day ahead x day made. Read by the pages Goals, Overview and Forecast scoreboard.

    A day's forecasts are made again when the day's run is: what was known is then what is known now.
    """
    now = clock.now()
    everyone = TenantScope.all_clients(STAGE)
    daily = (
        lake.scan("gold/kpi_account_daily", scope=everyone)
        .filter(pl.col("day") >= now.date() - PAST)
        .select(READ)
        .collect()
    )
    reviews = reviews_of(
        lake.scan(KPI_FORECASTS, scope=everyone)
        .filter(pl.col("day").is_between(now.date() - KEPT, now.date(), closed="left"))
        .filter(pl.col("target_day") == pl.col("as_of_day") + timedelta(days=1))
        .select(*SCOPE, "day", "review")
        .collect()
    )
    found = forecast_accounts(daily, today=now.date(), with_years=config.with_years, reviews=reviews)
    frame = found.rows.with_columns(forecast_at=pl.lit(now), day=pl.lit(now.date())).select(
        pl.col(name).cast(kind) for name, kind in KPI_FORECASTS.schema.items()
    )
    written = lake.replace_partition(KPI_FORECASTS, frame, day=now.date()) if frame.height else None
    metadata = {"series": found.series, "series_too_short": found.too_short, "series_reviewed": found.reviewed}
    return materialised(KPI_FORECASTS, written, frame=frame, as_of=now, metadata=metadata)
