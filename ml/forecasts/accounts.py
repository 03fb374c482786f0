"""Forecasts of accounts and clients: from their daily figures to series, and from what is said of these to rows.

Belongs here: which figures are forecast, of whom, and up to which day they are final. Does not belong here: how a series is forecast (`outlook`).

What is forecast has the scope of a goal: one account, a client's accounts on a network, or all of them; `scope_id` says which account, network
or client. A sum is of the accounts that are known on its last day, from the day on which all of them are: an account that joins or
leaves is no growth.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl

from contracts.tables import KPI_FORECASTS
from ml.forecasts.interval import LEVEL
from ml.forecasts.outlook import Path
from ml.forecasts.review import Refreshed, Review, refresh
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
PATHS = ("median", "lower", "upper", "total_median", "total_lower", "total_upper")
OF_A_DAY = {"target_day", *PATHS}
"""Columns that differ from day to day of a forecast."""


@dataclass(frozen=True)
class Forecasts:
    """`rows` (SCHEMA): one per series and day ahead; `too_short`: how many series nothing could be said of yet; `reviewed`: of how many all
    methods were asked.
    """

    rows: pl.DataFrame
    series: int
    too_short: int
    reviewed: int


def forecast_accounts(
    daily: pl.DataFrame,
    *,
    today: date,
    horizon: int = HORIZON_DAYS,
    with_years: bool = True,
    reviews: Mapping[tuple[str, ...], Review] | None = None,
) -> Forecasts:
    """Forecasts from rows of gold/kpi_account_daily (`client_id`, `network`, `account_id`, `day`, `posts_published` and METRICS) of days
    before `today`. `with_years`: Prophet too, of a client's sums that go back two years; it takes seconds a series.

    `reviews`: by SCOPE what was kept of earlier days (`reviews_of`); a series without one is reviewed.
    """
    table, found = _Table(horizon), dict[tuple[object, ...], Refreshed | None]()
    count = short = anew = 0
    for scope, first_day, values in series_of(daily, today=today):
        series = Series(values, METRICS[scope[-1]], first_day=first_day)
        years = with_years and scope[1] == "client"
        # A network with one account is that account's series over again.
        key = (scope[0], series.kind, first_day, values.tobytes(), years and has_years(series))
        if key not in found:
            review = (reviews or {}).get(scope)
            name = "/".join(scope)
            found[key] = refresh(series, horizon, name=name, today=today, review=review, with_years=years)
            anew += (said := found[key]) is not None and said.is_reviewed
        count += 1
        if (said := found[key]) is None:
            short += 1
        else:
            table.add(scope, first_day + timedelta(days=len(series) - 1), said)
    return Forecasts(table.rows(), count, short, anew)


def reviews_of(rows: pl.DataFrame) -> dict[tuple[str, ...], Review]:
    """By SCOPE the newest kept review, of rows of KPI_FORECASTS (SCOPE, `day`, `review`)."""
    newest = rows.drop_nulls("review").sort("day").unique(SCOPE, keep="last")
    return {tuple(scope): Review.of_text(text) for *scope, text in newest.select(*SCOPE, "review").iter_rows()}


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
    scopes = scopes.with_columns(pl.col("day").to_physical().alias("number")).sort(*SCOPE, "day")
    numbers, known = scopes["number"].to_numpy(), scopes["value"].to_numpy()
    end = 0
    for *scope, first_day, length in (
        scopes.group_by(SCOPE, maintain_order=True).agg(pl.col("day").first(), pl.len()).iter_rows()
    ):
        begin, end = end, end + length
        values = np.full(numbers[end - 1] - numbers[begin] + 1, np.nan)
        values[numbers[begin:end] - numbers[begin]] = known[begin:end]
        yield tuple(scope), first_day, values


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


@dataclass
class _Table:
    """The rows of SCHEMA, gathered series by series."""

    horizon: int
    series: list[dict[str, object]] = field(default_factory=list)
    paths: list[Floats] = field(default_factory=list)
    """Of each series a row for each of PATHS: (len(PATHS), horizon)."""

    def add(self, scope: tuple[str, ...], as_of_day: date, said: Refreshed) -> None:
        steps, totals, review = said.outlook.steps, said.outlook.totals, said.review
        errors = {**(review.errors if review else {}), **steps.choice.errors}
        self.series.append(
            {
                **dict(zip(SCOPE, scope, strict=True)),
                "as_of_day": as_of_day,
                "interval_level": LEVEL,
                "method": steps.choice.name,
                "backtest_error": steps.error if np.isfinite(steps.error) else None,
                "backtest_errors": json.dumps(_told(errors)),
                "backtest_origins": steps.backtest_origins,
                "total_method": totals.choice.name if totals else None,
                "review": review.as_text() if review else None,
            }
        )
        unknown = np.full((3, self.horizon), np.nan)
        self.paths.append(np.vstack([_path(steps), _path(totals) if totals else unknown]))

    def rows(self) -> pl.DataFrame:
        if not self.series:
            return pl.DataFrame(schema=SCHEMA)
        one = pl.DataFrame(self.series, schema={name: kind for name, kind in SCHEMA.items() if name not in OF_A_DAY})
        paths = np.stack(self.paths, axis=1).reshape(len(PATHS), -1)
        ahead = pl.Series("ahead", np.tile(np.arange(1, self.horizon + 1), len(self.series)))
        rows = one[np.repeat(np.arange(one.height), self.horizon)].with_columns(
            ahead, *(pl.Series(name, values).fill_nan(None) for name, values in zip(PATHS, paths, strict=True))
        )
        rows = rows.with_columns(
            target_day=pl.col("as_of_day") + pl.duration(days="ahead"),
            review=pl.when(pl.col("ahead") == 1).then("review"),
        )
        return rows.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def _told(errors: Mapping[str, float]) -> dict[str, float]:
    """Four digits of each; nothing where nothing was judged."""
    return {name: float(f"{error:.4g}") for name, error in errors.items() if np.isfinite(error)}


def _path(path: Path) -> Floats:
    return np.stack([path.median, path.lower, path.upper])
