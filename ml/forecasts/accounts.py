"""Forecasts of accounts and clients: from their daily figures to series, and from what is said of these to rows.

Belongs here: which figures are forecast, of whom, and up to which day they are final. Does not belong here: how a series is forecast (`outlook`).

What is forecast has the scope of a goal: one account, a client's accounts on a network, or all of them; `scope_id` says which account, network
or client. A sum is of the accounts that are known on its last day, from the day on which all of them are: an account that joins or
leaves is no growth.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from contracts.tables import KPI_FORECASTS
from ml.forecasts.interval import LEVEL
from ml.forecasts.outlook import Outlook, Path, outlook
from ml.forecasts.series import Floats, Kind, Series
from ml.forecasts.yearly import has_years

METRICS = {"followers": Kind.LEVEL, "engagements": Kind.FLOW, "reach": Kind.FLOW}
HORIZON_DAYS = 91
"""A quarter: most goals end within it."""
FINAL_AFTER_DAYS = 4
"""Counts of posts are final after 72 hours, so those of a day from its fourth next on. Younger days would look like a decline."""
GONE_AFTER_DAYS = 3
"""An account whose figures end so long before the others' is not counted on any more."""
STALE_AFTER_DAYS = 14
"""Of what was last known so long ago nothing is said."""

SCOPE = ("client_id", "scope", "scope_id", "metric")
SCHEMA = pl.Schema({name: kind for name, kind in KPI_FORECASTS.schema.items() if name not in ("forecast_at", "day")})
"""The table's columns but for when it was said."""


@dataclass(frozen=True)
class Forecasts:
    """`rows` (SCHEMA): one per series and day ahead; `too_short`: how many series nothing could be said of yet."""

    rows: pl.DataFrame
    series: int
    too_short: int


def forecast_accounts(
    daily: pl.DataFrame, *, today: date, horizon: int = HORIZON_DAYS, with_years: bool = True
) -> Forecasts:
    """Forecasts from rows of gold/kpi_account_daily (`client_id`, `network`, `account_id`, `day`, `posts_published` and METRICS) of days
    before `today`. `with_years`: Prophet too, of a client's sums that go back two years; it takes seconds a series.
    """
    frames, said, count, short = [pl.DataFrame(schema=SCHEMA)], dict[tuple[object, ...], Outlook | None](), 0, 0
    for scope, first_day, values in series_of(daily, today=today):
        series = Series(values, METRICS[scope[-1]], first_day=first_day)
        years = with_years and scope[1] == "client"
        # A network with one account is that account's series over again.
        key = (series.kind, first_day, values.tobytes(), years and has_years(series))
        if key not in said:
            said[key] = outlook(series, horizon, with_years=years)
        count += 1
        found = said[key]
        if found is None:
            short += 1
        else:
            frames.append(_rows(scope, first_day + timedelta(days=len(series) - 1), found))
    return Forecasts(pl.concat(frames), count, short)


def series_of(daily: pl.DataFrame, *, today: date) -> Iterator[tuple[tuple[str, ...], date, Floats]]:
    """SCOPE, first day and values (NaN: not known) of each series, from its first known day to its last."""
    days = _known(daily, today)
    scopes = pl.concat(
        [
            _scoped(days, "account", "account_id").select(*SCOPE, "day", "value"),
            _summed(_scoped(days, "network", "network")),
            _summed(_scoped(days, "client", "client_id")),
        ]
    )
    for scope, own in scopes.sort(*SCOPE, "day").group_by(SCOPE, maintain_order=True):
        values = own.upsample("day", every="1d")["value"].fill_null(float("nan"))
        yield tuple(str(name) for name in scope), own["day"][0], values.to_numpy()


def _scoped(days: pl.DataFrame, scope: str, named_by: str) -> pl.DataFrame:
    return days.with_columns(scope=pl.lit(scope), scope_id=pl.col(named_by))


def _known(daily: pl.DataFrame, today: date) -> pl.DataFrame:
    """Known values by account, metric and day: `client_id`, `network`, `account_id`, `metric`, `day`, `value`.

    A day without a post brought nothing, which is known; an account whose network reports no such count has no series of it.
    """
    is_level = pl.col("metric").replace_strict({name: kind is Kind.LEVEL for name, kind in METRICS.items()})
    settled = pl.lit(today) - pl.when(is_level).then(pl.duration(days=1)).otherwise(pl.duration(days=FINAL_AFTER_DAYS))
    long = daily.unpivot(
        list(METRICS), index=["client_id", "network", "account_id", "day", "posts_published"], variable_name="metric"
    ).filter(pl.col("day") <= settled)
    is_reported = pl.col("value").is_not_null().any().over("account_id", "metric")
    is_fresh = pl.col("day").max().over("account_id", "metric") >= today - timedelta(days=STALE_AFTER_DAYS)
    nothing = (pl.col("posts_published") == 0) & ~is_level
    value = pl.when(nothing).then(pl.col("value").fill_null(0)).otherwise("value").cast(pl.Float64)
    columns = ("client_id", "network", "account_id", "metric", "day")
    return long.filter(is_reported & is_fresh).select(*columns, value.alias("value")).drop_nulls("value")


def _summed(days: pl.DataFrame) -> pl.DataFrame:
    """Sums over the accounts of each scope, of the days on which all of them are known."""
    spans = days.group_by(*SCOPE, "account_id").agg(
        pl.col("day").min().alias("first"), pl.col("day").max().alias("last")
    )
    newest = pl.col("last").max().over(*SCOPE)
    staying = spans.filter((newest - pl.col("last")) < pl.duration(days=GONE_AFTER_DAYS))
    members = staying.with_columns(pl.len().over(*SCOPE).alias("members"))
    joined = days.join(members.select(*SCOPE, "account_id", "members"), on=[*SCOPE, "account_id"])
    sums = joined.group_by(*SCOPE, "day").agg(pl.col("value").sum(), pl.len().alias("known"), pl.col("members").first())
    return sums.filter(pl.col("known") == pl.col("members")).select(*SCOPE, "day", "value")


def _rows(scope: tuple[str, ...], as_of_day: date, found: Outlook) -> pl.DataFrame:
    steps, totals = found.steps, found.totals
    rows = pl.DataFrame(
        {
            **{name: [value] for name, value in zip(SCOPE, scope, strict=True)},
            "as_of_day": [as_of_day],
            "interval_level": [LEVEL],
            "method": [steps.choice.name],
            "backtest_error": [steps.error if np.isfinite(steps.error) else None],
            "backtest_errors": [json.dumps(_told(steps.choice.errors))],
            "backtest_origins": [steps.backtest_origins],
            "total_method": [totals.choice.name if totals else None],
        },
        schema_overrides={name: SCHEMA[name] for name in ("as_of_day", "backtest_error", "total_method")},
    )
    days = pl.DataFrame(
        {
            "target_day": [as_of_day + timedelta(days=ahead) for ahead in range(1, len(steps.median) + 1)],
            **_path("", steps),
            **_path("total_", totals),
        },
        schema_overrides={f"total_{name}": pl.Float64 for name in ("median", "lower", "upper")},
    )
    return rows.join(days, how="cross").select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def _told(errors: Mapping[str, float]) -> dict[str, float]:
    """Four digits of each; nothing where nothing was judged."""
    return {name: float(f"{error:.4g}") for name, error in errors.items() if np.isfinite(error)}


def _path(prefix: str, path: Path | None) -> dict[str, Floats | None]:
    names = ("median", "lower", "upper")
    return {prefix + name: None if path is None else np.asarray(getattr(path, name)) for name in names}
