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
from ml.forecasts.accounts import METRICS, forecast_accounts

STAGE = "all clients' series are forecast in one run; each row keeps its tenant"
PAST = timedelta(days=4 * 365)
"""What a series is learned from: enough for a season of the year."""
READ = ("client_id", "network", "account_id", "day", "posts_published", *METRICS)


class Forecasting(dg.Config):
    """What a run may be asked for."""

    with_years: bool = Field(
        default=True,
        description="Ask Prophet too, of a client's sums that go back two years. That takes seconds a series.",
    )


@dg.asset(**asset_options(KPI_FORECASTS, "statsmodels"), deps=[gold("kpi_account_daily")])
def kpi_forecasts(
    config: Forecasting, lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """Grain: scope x metric x day ahead x day made. Read by the pages Goals, Overview and Forecast scoreboard.

    A day's forecasts are made again when the day's run is: what was known is then what is known now.
    """
    now = clock.now()
    daily = (
        lake.scan("gold/kpi_account_daily", scope=TenantScope.all_clients(STAGE))
        .filter(pl.col("day") >= now.date() - PAST)
        .select(READ)
        .collect()
    )
    found = forecast_accounts(daily, today=now.date(), with_years=config.with_years)
    frame = found.rows.with_columns(forecast_at=pl.lit(now), day=pl.lit(now.date())).select(
        pl.col(name).cast(kind) for name, kind in KPI_FORECASTS.schema.items()
    )
    written = lake.replace_partition(KPI_FORECASTS, frame, day=now.date()) if frame.height else None
    metadata = {"series": found.series, "series_too_short": found.too_short}
    return materialised(KPI_FORECASTS, written, frame=frame, as_of=now, metadata=metadata)
